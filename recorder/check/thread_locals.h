// check/thread_locals.h: thread_local variables of the program that react() has changed.
//
// They are recorded. But when a reactor has gone they may still point into its heap.
#pragma once
#include "event.h"

namespace afterimage::check {

void remember_thread_locals() noexcept;
void compare_thread_locals(const Event& event) noexcept;

struct ThreadLocal {
  std::uintptr_t module;  // 0: there is none of this thread's
  std::uint64_t offset;
};
ThreadLocal thread_local_at(std::uint64_t address) noexcept;

}  // namespace afterimage::check
