// check/signals.h: the three signals by which the machine tells us what react() does.
//
//     SIGSEGV   a write to protected data, or an instruction that reads the time-stamp counter
//     SIGTRAP   the write is done (single step)
//     SIGSYS    a system call
//
// They stay ours: sigaction() and signal() of the program only tell us to whom to pass on what is not for us, and masks
// never block them.
#pragma once
#include <signal.h>
#include <ucontext.h>

namespace afterimage::check {

// True when it was for us.
using SignalHandler = bool (*)(const siginfo_t& info, ucontext_t& context) noexcept;

void take_signals(SignalHandler on_segv, SignalHandler on_trap, SignalHandler on_sys) noexcept;
// The code to which our handlers return; it ends in a system call of its own.
void* signal_return_code() noexcept;

// Without our signals.
void unblock_ours(sigset_t& set) noexcept;

}  // namespace afterimage::check
