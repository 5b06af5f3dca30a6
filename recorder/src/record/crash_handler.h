// Notes in the control file how the program died. A convenience: the recording does not depend on it.
#pragma once
#include "format/control.h"

namespace afterimage {

// Handles SIGSEGV, SIGBUS, SIGILL, SIGFPE and SIGABRT: the first one is noted in `control`, then what was installed before
// is called, or the default action taken. Signal-safe. Calling again replaces `control`; null stops noting.
void install_crash_handler(format::Control* control) noexcept;

// Gives this thread a signal stack, if it has none, so that a stack overflow is noted, too.
void ensure_signal_stack() noexcept;

}  // namespace afterimage
