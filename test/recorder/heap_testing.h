// test/recorder/heap_testing.h: heaps for tests.
#pragma once

#include <cstring>

#include "check.h"
#include "heap/heap.h"

namespace afterimage {

// A heap for the length of a scope.
class TestHeap {
 public:
  explicit TestHeap(SlotSize size = SlotSize::small) {
    int error = 0;
    heap_ = Heap::create(size, error);
    if (heap_ == nullptr) std::fprintf(stderr, "Heap::create: %s\n", std::strerror(error));
    CHECK(heap_ != nullptr);
  }
  ~TestHeap() { Heap::destroy(heap_); }
  TestHeap(const TestHeap&) = delete;
  TestHeap& operator=(const TestHeap&) = delete;

  Heap& operator*() const noexcept { return *heap_; }
  Heap* operator->() const noexcept { return heap_; }

 private:
  Heap* heap_;
};

inline std::size_t live_blocks(const Heap& heap) {
  std::size_t count = 0;
  heap.walk([&](const Heap::Block& block) { count += block.live ? 1 : 0; });
  return count;
}

}  // namespace afterimage
