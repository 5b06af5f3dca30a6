// check/allocations.h: who has allocated a block of the ordinary heap.
//
// libafterimage passes on what is not a reactor's to __libc_malloc and its relatives. This library stands in front of
// those, too, and keeps the call stack of every living block.
#pragma once
#include <cstddef>
#include <cstdint>

#include "call_stack.h"

namespace afterimage::check {

struct Allocation {
  std::uintptr_t block = 0;  // 0: none is known
  std::size_t bytes = 0;
  CallStack stack;
};

// The living block that contains the address.
Allocation allocation_at(std::uintptr_t address) noexcept;

}  // namespace afterimage::check
