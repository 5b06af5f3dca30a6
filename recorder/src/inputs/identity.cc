// inputs/identity.cc: who and where this process, this thread and this machine are.
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "inputs/intercept.h"

namespace afterimage::inputs {
namespace {

AFTERIMAGE_REAL(getpid)
AFTERIMAGE_REAL(getppid)
AFTERIMAGE_REAL(gettid)
AFTERIMAGE_REAL(getuid)
AFTERIMAGE_REAL(geteuid)
AFTERIMAGE_REAL(getgid)
AFTERIMAGE_REAL(getegid)
AFTERIMAGE_REAL(getpgrp)
AFTERIMAGE_REAL(sched_getcpu)
AFTERIMAGE_REAL(getcpu)
AFTERIMAGE_REAL(sched_getaffinity)
AFTERIMAGE_REAL(gethostname)
AFTERIMAGE_REAL(uname)
AFTERIMAGE_REAL(sysconf)
AFTERIMAGE_REAL(get_nprocs)
AFTERIMAGE_REAL(syscall)

// What libc's pthread_self() does. It is called by everything, also before our constructors have run.
pthread_t this_thread() noexcept {
  pthread_t self;
  asm("movq %%fs:16, %0" : "=r"(self));
  return self;
}

// Calls that only return a number, asked for by number. Others go straight to the kernel.
bool returns_a_number(long number) noexcept {
  switch (number) {
    case SYS_getpid: case SYS_getppid: case SYS_gettid: case SYS_getuid: case SYS_geteuid: case SYS_getgid:
    case SYS_getegid: case SYS_getpgrp: return true;
    default: return false;
  }
}

}  // namespace
}  // namespace afterimage::inputs

using namespace afterimage::inputs;

AFTERIMAGE_NUMBER(pid_t, getpid)
AFTERIMAGE_NUMBER(pid_t, getppid)
AFTERIMAGE_NUMBER(pid_t, gettid)
AFTERIMAGE_NUMBER(uid_t, getuid)
AFTERIMAGE_NUMBER(uid_t, geteuid)
AFTERIMAGE_NUMBER(gid_t, getgid)
AFTERIMAGE_NUMBER(gid_t, getegid)
AFTERIMAGE_NUMBER(pid_t, getpgrp)
AFTERIMAGE_NUMBER(int, sched_getcpu)
AFTERIMAGE_NUMBER(int, get_nprocs)

// std::this_thread::get_id(), too. In the replay it names a thread that there is not: good for comparing only.
AFTERIMAGE_CALL pthread_t pthread_self() noexcept {
  if (not_in_reactor()) [[likely]]
    return this_thread();
  return intercept(Call(CallId::pthread_self, AFTERIMAGE_SITE), Otherwise::run, [] { return this_thread(); });
}

AFTERIMAGE_CALL int getcpu(unsigned* cpu, unsigned* node) noexcept {
  if (not_in_reactor()) return real_getcpu(cpu, node);
  return intercept(
      Call(CallId::getcpu, AFTERIMAGE_SITE), Otherwise::run, [&] { return real_getcpu(cpu, node); },
      [&](int result, auto written) {
        if (result != 0) return;
        if (cpu != nullptr) written(cpu, sizeof *cpu);
        if (node != nullptr) written(node, sizeof *node);
      });
}

AFTERIMAGE_CALL int sched_getaffinity(pid_t thread, std::size_t bytes, cpu_set_t* set) noexcept {
  if (not_in_reactor()) return real_sched_getaffinity(thread, bytes, set);
  return intercept(
      Call(CallId::sched_getaffinity, AFTERIMAGE_SITE).with(thread).with(bytes), Otherwise::run,
      [&] { return real_sched_getaffinity(thread, bytes, set); },
      [&](int result, auto written) { if (result == 0) written(set, bytes); });
}

AFTERIMAGE_CALL int gethostname(char* name, std::size_t bytes) noexcept {
  if (not_in_reactor()) return real_gethostname(name, bytes);
  return intercept(
      Call(CallId::gethostname, AFTERIMAGE_SITE).with(bytes), Otherwise::run, [&] { return real_gethostname(name, bytes); },
      [&](int result, auto written) { if (result == 0) written(name, bytes); });
}

AFTERIMAGE_CALL int uname(utsname* name) noexcept {
  if (not_in_reactor()) return real_uname(name);
  return intercept(
      Call(CallId::uname, AFTERIMAGE_SITE), Otherwise::run, [&] { return real_uname(name); },
      [&](int result, auto written) { if (result == 0) written(name, sizeof *name); });
}

AFTERIMAGE_CALL long sysconf(int name) noexcept {
  if (not_in_reactor()) return real_sysconf(name);
  return intercept(Call(CallId::sysconf, AFTERIMAGE_SITE).with(name), Otherwise::run, [&] { return real_sysconf(name); });
}

AFTERIMAGE_CALL long syscall(long number, ...) noexcept {
  va_list list;
  va_start(list, number);
  long a[6];
  for (long& argument : a) argument = va_arg(list, long);  // reads what is not there, as libc's does
  va_end(list);
  const auto run = [&] { return real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]); };
  if (not_in_reactor()) return run();
  const Call call = Call(CallId::syscall, AFTERIMAGE_SITE).with(number);
  if (returns_a_number(number)) return intercept(call, Otherwise::run, run);
  if (number == SYS_getrandom)
    return intercept(call, Otherwise::run, run, [&](long got, auto written) {
      if (got > 0) written(reinterpret_cast<void*>(a[0]), static_cast<std::size_t>(got));
    });
  if (number == SYS_clock_gettime)
    return intercept(call, Otherwise::run, run, [&](long result, auto written) {
      if (result == 0) written(reinterpret_cast<void*>(a[1]), sizeof(timespec));
    });
  return run();
}
