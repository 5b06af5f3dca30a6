// check/library_calls.cc: functions of the C library that neither make a system call nor are recorded, and the start of threads.
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include "base/hash.h"
#include "event.h"
#include "findings.h"
#include "inputs/real.h"

namespace afterimage::check {
namespace {

AFTERIMAGE_REAL(pthread_create)
AFTERIMAGE_REAL(getauxval)
AFTERIMAGE_REAL(secure_getenv)

void note_call(Kind kind, const char* name, std::uintptr_t value) noexcept {
  const Event* const event = current_event();
  if (event == nullptr || current_heap() == nullptr) return;
  const Pause pause;
  const CallStack stack = stack_here();
  Finding finding{};
  finding.kind = kind;
  finding.event = event->number;
  finding.reactor = event->reactor;
  finding.value = value;
  strncpy(finding.text, name, sizeof finding.text - 1);
  note(stack.hash(hash_mix(event->reactor, value)), finding, stack);
}

}  // namespace
}  // namespace afterimage::check

using namespace afterimage::check;

#define AFTERIMAGE_CHECKED extern "C" __attribute__((visibility("default")))

AFTERIMAGE_CHECKED int pthread_create(pthread_t* __restrict thread, const pthread_attr_t* __restrict attributes,
                                      void* (*routine)(void*), void* __restrict argument) noexcept {
  note_call(Kind::thread, "", reinterpret_cast<std::uintptr_t>(routine));
  const Pause pause;
  return real_pthread_create(thread, attributes, routine, argument);
}

AFTERIMAGE_CHECKED unsigned long getauxval(unsigned long type) noexcept {
  note_call(Kind::library_call, "getauxval", 0);
  return real_getauxval(type);
}

AFTERIMAGE_CHECKED char* secure_getenv(const char* name) noexcept {
  note_call(Kind::library_call, "secure_getenv", 0);
  return real_secure_getenv(name);
}
