// Notes in the control file how the program died. A convenience: the recording does not depend on it.
#pragma once
#include "afterimage/recorder.h"
#include "format/control.h"

namespace afterimage {

// What this thread is working on. Written by deliveries, read by the handler.
extern constinit thread_local detail::CurrentEvent t_current_event
    __attribute__((tls_model("initial-exec"), visibility("hidden")));

// Handles SIGSEGV, SIGBUS, SIGILL, SIGFPE and SIGABRT: the first one is noted in `control`, then what was installed before
// is called, or the default action taken. Signal-safe. Calling again replaces `control`; null stops noting.
void install_crash_handler(format::Control* control) noexcept;

extern constinit thread_local bool t_signal_stack_checked __attribute__((tls_model("initial-exec"), visibility("hidden")));
void add_signal_stack() noexcept;

// Gives this thread a signal stack, if it has none, so that a stack overflow is noted, too.
inline void ensure_signal_stack() noexcept {
  if (!t_signal_stack_checked) [[unlikely]] add_signal_stack();
}

}  // namespace afterimage
