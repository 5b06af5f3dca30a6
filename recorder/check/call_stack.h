// check/call_stack.h: how the program came to a place that a check has found.
#pragma once
#include <cstdint>

#include "os/call_stack.h"

namespace afterimage::check {

using os::CallStack;

// Of the caller, without this library's own functions.
CallStack stack_here() noexcept;
// In a signal handler: from the interrupted instruction outwards.
CallStack stack_from(std::uintptr_t instruction) noexcept;

}  // namespace afterimage::check
