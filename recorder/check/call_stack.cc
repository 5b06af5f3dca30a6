#include "call_stack.h"

#include "code.h"

namespace afterimage::check {

CallStack stack_here() noexcept {
  return os::call_stack([](std::uintptr_t address) { return code_at(address) != Code::check; });
}

CallStack stack_from(std::uintptr_t instruction) noexcept {
  CallStack stack = os::call_stack([=](std::uintptr_t address) { return address == instruction; });
  if (stack.count == 0) stack.frames[stack.count++] = instruction;  // no way out of here is known
  return stack;
}

}  // namespace afterimage::check
