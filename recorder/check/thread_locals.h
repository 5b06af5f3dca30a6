// check/thread_locals.h: thread_local variables of the program that react() has changed: a replay begins without them.
#pragma once
#include "event.h"

namespace afterimage::check {

void remember_thread_locals() noexcept;
void compare_thread_locals(const Event& event) noexcept;

}  // namespace afterimage::check
