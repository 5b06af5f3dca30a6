// check/globals.h: writes of react() to what is not its reactor's: global variables, and the heaps of other reactors.
//
// While any react() runs, those pages are read-only. A write faults; the handler notes who writes where, opens the page,
// lets the one instruction pass (single step), and closes the page again. Code of other threads is let through without a
// note, and the page stays open until the next event begins.
//
// The C and C++ libraries' own data is left alone: a replay has them, too.
#pragma once
#include <signal.h>
#include <ucontext.h>

#include "event.h"

namespace afterimage::check {

void protect_for(const Event& event) noexcept;
void unprotect_after(const Event& event) noexcept;
bool on_write_fault(const siginfo_t& info, ucontext_t& context) noexcept;
bool on_step_done(ucontext_t& context) noexcept;

// While it lives the kernel can write into all of it: a system call would fail, where a write of the program's faults.
class [[nodiscard]] OpenGlobals {
 public:
  OpenGlobals() noexcept;
  ~OpenGlobals();
  OpenGlobals(const OpenGlobals&) = delete;
  OpenGlobals& operator=(const OpenGlobals&) = delete;
};

}  // namespace afterimage::check
