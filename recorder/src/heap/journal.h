// heap/journal.h: what is allocated and freed in a heap, for whoever wants to hear of it: the journal of an event that is made in it, so that a
// replay can do that again; and in a replay a question about one block.
//
// As where allocations fail on purpose, everything takes the long way meanwhile; the short ways know of nothing.
#pragma once
#include <span>
#include <vector>

#include "afterimage/heap.h"
#include "base/heap_operation.h"

namespace afterimage {

// Told of each operation behind it, of a free before it. In that heap: not to allocate in.
class HeapListener {
 public:
  virtual void heard(const HeapOperation& operation) noexcept = 0;

 protected:
  ~HeapListener() = default;
};

// In the ordinary heap.
class AFTERIMAGE_API HeapJournal final : public HeapListener {
 public:
  void heard(const HeapOperation& operation) noexcept override;
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
