// check/call_stack.h: how the program came to a place.
#pragma once
#include <cstddef>
#include <cstdint>

namespace afterimage::check {

// Addresses of instructions, the innermost first; of callers the call itself, not what follows it.
struct CallStack {
  static constexpr std::size_t kFrames = 32;
  std::uint64_t count = 0;
  std::uint64_t frames[kFrames] = {};

  std::uint64_t hash(std::uint64_t seed) const noexcept;
};

// Of the caller, without this library's own functions.
CallStack stack_here() noexcept;
// In a signal handler: from the interrupted instruction outwards.
CallStack stack_from(std::uintptr_t instruction) noexcept;

}  // namespace afterimage::check
