#include "call_stack.h"

#include <unwind.h>

#include "base/hash.h"
#include "code.h"

namespace afterimage::check {
namespace {

struct Walk {
  CallStack& stack;
  std::uintptr_t from;  // 0: the first that is not in this library
  bool begun = false;
};

_Unwind_Reason_Code add_frame(_Unwind_Context* frame, void* context) {
  Walk& walk = *static_cast<Walk*>(context);
  int is_exact = 0;
  const std::uintptr_t address = _Unwind_GetIPInfo(frame, &is_exact);
  if (address == 0) return _URC_END_OF_STACK;
  if (!walk.begun) walk.begun = walk.from == 0 ? code_at(address) != Code::check : address == walk.from;
  if (!walk.begun) return _URC_NO_REASON;
  walk.stack.frames[walk.stack.count++] = is_exact != 0 ? address : address - 1;
  return walk.stack.count == CallStack::kFrames ? _URC_END_OF_STACK : _URC_NO_REASON;
}

CallStack walk_from(std::uintptr_t instruction) noexcept {
  CallStack stack;
  Walk walk{stack, instruction};
  _Unwind_Backtrace(add_frame, &walk);
  return stack;
}

}  // namespace

std::uint64_t CallStack::hash(std::uint64_t seed) const noexcept {
  for (std::uint64_t i = 0; i < count; ++i) seed = hash_mix(seed, frames[i]);
  return seed;
}

CallStack stack_here() noexcept { return walk_from(0); }

CallStack stack_from(std::uintptr_t instruction) noexcept {
  CallStack stack = walk_from(instruction);
  if (stack.count == 0) stack.frames[stack.count++] = instruction;  // no way out of here is known
  return stack;
}

}  // namespace afterimage::check
