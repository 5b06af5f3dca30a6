// check/library_calls.cc: functions of the C library that neither make a system call nor are recorded, and those that start
// threads and processes.
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "base/hash.h"
#include "event.h"
#include "findings.h"
#include "inputs/real.h"
#include "os/time_stamps.h"
#include "pointers.h"

namespace afterimage::check {
namespace {

AFTERIMAGE_REAL(pthread_create)
AFTERIMAGE_REAL(fork)
AFTERIMAGE_REAL(popen)
AFTERIMAGE_REAL(posix_spawn)
AFTERIMAGE_REAL(posix_spawnp)
AFTERIMAGE_REAL(getauxval)
AFTERIMAGE_REAL(secure_getenv)

void note_call(Kind kind, const char* name, std::uintptr_t value) noexcept {
  const Event* const event = current_event();
  if (event == nullptr || current_heap() == nullptr) return;
  const Pause pause;
  const CallStack stack = stack_here();
  Finding finding = new_finding(kind, event->reactor, event->number);
  finding.value = value;
  strncpy(finding.text, name, sizeof finding.text - 1);
  note(stack.hash(hash_mix(event->reactor, value)), finding, stack);
}

// Around the birth of a thread or process: it would inherit that the time-stamp counter traps, and libc's system calls
// for it cannot be made in a signal handler.
class [[nodiscard]] Birth {
 public:
  Birth() noexcept {
    if (in_event_) os::trap_time_stamps(false);
  }
  ~Birth() {
    if (in_event_) os::trap_time_stamps(true);
  }
  Birth(const Birth&) = delete;
  Birth& operator=(const Birth&) = delete;

 private:
  const Pause pause_;
  const bool in_event_ = current_event() != nullptr;
};

}  // namespace
}  // namespace afterimage::check

using namespace afterimage::check;

#define AFTERIMAGE_CHECKED extern "C" __attribute__((visibility("default")))

AFTERIMAGE_CHECKED int pthread_create(pthread_t* __restrict thread, const pthread_attr_t* __restrict attributes,
                                      void* (*routine)(void*), void* __restrict argument) noexcept {
  note_call(Kind::thread, "", reinterpret_cast<std::uintptr_t>(routine));
  const Birth birth;
  const int result = real_pthread_create(thread, attributes, routine, argument);
  if (result == 0 && current_event() != nullptr) note_own_result(*thread);  // what joins it keeps this
  return result;
}

// These are recorded: the real ones are libafterimage's.
AFTERIMAGE_CHECKED pid_t fork() noexcept {
  const Birth birth;
  return real_fork();
}
AFTERIMAGE_CHECKED FILE* popen(const char* command, const char* mode) {
  const Birth birth;
  return real_popen(command, mode);
}
AFTERIMAGE_CHECKED int posix_spawn(pid_t* __restrict child, const char* __restrict path,
                                   const posix_spawn_file_actions_t* __restrict actions, const posix_spawnattr_t* __restrict attributes,
                                   char* const arguments[], char* const environment[]) {
  const Birth birth;
  return real_posix_spawn(child, path, actions, attributes, arguments, environment);
}
AFTERIMAGE_CHECKED int posix_spawnp(pid_t* __restrict child, const char* __restrict path,
                                    const posix_spawn_file_actions_t* __restrict actions, const posix_spawnattr_t* __restrict attributes,
                                    char* const arguments[], char* const environment[]) {
  const Birth birth;
  return real_posix_spawnp(child, path, actions, attributes, arguments, environment);
}

AFTERIMAGE_CHECKED unsigned long getauxval(unsigned long type) noexcept {
  note_call(Kind::library_call, "getauxval", 0);
  return real_getauxval(type);
}

AFTERIMAGE_CHECKED char* secure_getenv(const char* name) noexcept {
  note_call(Kind::library_call, "secure_getenv", 0);
  return real_secure_getenv(name);
}
