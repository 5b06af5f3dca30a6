// How the program came to a place.
#pragma once
#include <unwind.h>

#include <cstddef>
#include <cstdint>

#include "base/hash.h"

namespace afterimage::os {

// Addresses of instructions, the innermost first; of callers the call itself, not what follows it.
struct CallStack {
  static constexpr std::size_t kFrames = 32;
  std::uint64_t count = 0;
  std::uint64_t frames[kFrames] = {};

  std::uint64_t hash(std::uint64_t seed) const noexcept {
    for (std::uint64_t i = 0; i < count; ++i) seed = hash_mix(seed, frames[i]);
    return seed;
  }
};

// From the first frame on for whose address `begins` is true.
template <typename Begins>
CallStack call_stack(const Begins& begins) noexcept {
  struct Walk {
    const Begins& begins;
    bool begun = false;
    CallStack stack;
  } walk{begins, false, {}};
  const auto add_frame = [](_Unwind_Context* frame, void* context) {
    auto& [begins, begun, stack] = *static_cast<Walk*>(context);
    int is_exact = 0;
    const std::uintptr_t address = _Unwind_GetIPInfo(frame, &is_exact);
    if (address == 0) return _URC_END_OF_STACK;
    begun = begun || begins(address);
    if (!begun) return _URC_NO_REASON;
    stack.frames[stack.count++] = is_exact != 0 ? address : address - 1;
    return stack.count == CallStack::kFrames ? _URC_END_OF_STACK : _URC_NO_REASON;
  };
  _Unwind_Backtrace(add_frame, &walk);
  return walk.stack;
}

}  // namespace afterimage::os
