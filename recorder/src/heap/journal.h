// heap/journal.h: what is allocated and freed in a heap while an event is made in it, so that a replay can do that again.
//
// As where allocations fail on purpose, everything takes the long way meanwhile; the short ways know of nothing.
#pragma once
#include <span>
#include <vector>

#include "base/heap_operation.h"

namespace afterimage {

// In the ordinary heap.
class HeapJournal {
 public:
  void note(const HeapOperation& operation) noexcept;
  void clear() noexcept {
    operations_.clear();
    is_complete_ = true;
  }
  std::span<HeapOperation> operations() noexcept { return operations_; }
  // Not when there was no memory for it.
  bool is_complete() const noexcept { return is_complete_; }

 private:
  std::vector<HeapOperation> operations_;
  bool is_complete_ = true;
};

}  // namespace afterimage
