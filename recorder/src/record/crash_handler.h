// Notes in the control file how the program died. A convenience: the recording does not depend on it.
#pragma once
#include "format/control.h"

namespace afterimage {

namespace detail {
class RecorderCore;
}

// From now on SIGSEGV, SIGBUS, SIGILL, SIGFPE and SIGABRT are noted in `control`, that of `recorder`: the first one, and the reactor
// only if it is this recorder's. Then what was installed before is called, or the default action taken. Signal-safe. Of more
// than 64 recordings that are open at once, those beyond have no such note.
void note_crashes(const detail::RecorderCore& recorder, format::Control& control) noexcept;
void note_no_crashes(const detail::RecorderCore& recorder) noexcept;

// Gives this thread a signal stack, if it has none, so that a stack overflow is noted, too.
void ensure_signal_stack() noexcept;

}  // namespace afterimage
