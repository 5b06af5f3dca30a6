// check/system_calls.h: every system call made in react(), by Syscall User Dispatch (Linux 5.11).
//
// The kernel turns each of them into a SIGSYS. The handler looks who is making it, notes what a replay could not serve, makes
// it in the program's stead, and gives it the result. Unlike a seccomp filter this ends with the event, and children do not
// inherit it.
#pragma once
#include <signal.h>
#include <ucontext.h>

namespace afterimage::check {

// 0, or the errno of a kernel that cannot.
int watch_system_calls_of_this_thread() noexcept;
void watch_system_calls(bool on) noexcept;
bool on_system_call(const siginfo_t& info, ucontext_t& context) noexcept;

}  // namespace afterimage::check
