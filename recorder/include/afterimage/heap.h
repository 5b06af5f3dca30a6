// afterimage/heap.h: entering and leaving a reactor's heap.
//
// What a thread allocates while a HeapScope lives comes from that reactor's heap: it is part of the
// snapshots and has the same addresses in a replay. deliver() enters the heap by itself; use a HeapScope for
// every other call into a reactor, and an OutsideScope in code called from react() whose memory does
// not belong to the reactor (messages to others, logging). Frees need neither: they find their owner.
#pragma once
#include <cstdint>

#if !defined(AFTERIMAGE_API)
#define AFTERIMAGE_API __attribute__((visibility("default")))
#endif

namespace afterimage {

class Heap;

struct HeapStatistics {
  std::uint64_t live_blocks = 0, live_bytes = 0;  // in use; the size of a block up to 64 KiB is that of its class
  std::uint64_t free_blocks = 0, free_bytes = 0;  // blocks up to 64 KiB that were freed, or lie beside those in use
  std::uint64_t touched_bytes = 0;                // what snapshots copy, beside some tables
  std::uint64_t limit_bytes = 0;                  // of touched_bytes: Options::heap_limit_bytes, or the slot
  std::uint64_t failed_allocations = 0, misuses = 0;
  std::uint64_t refusals = 0;  // of the failed ones, those for which there was no room; others have failed on purpose
  // Since the heap was made. Large is above 64 KiB; foreign frees are other threads', and reach the heap between two events.
  std::uint64_t large_allocations = 0, large_frees = 0, foreign_frees = 0;
  // Of all sizes, in a kinda-safe heap; 0 in a fast one, where every malloc() would have to count.
  std::uint64_t allocations = 0, frees = 0;
};
// Allocations inside react() that fail on purpose (std::bad_alloc, or a null pointer), to see what becomes of that: the `nth` one of a
// reactor, counted from 1; or each with a probability; or, without either, all. Of those larger than `above_bytes` only.
struct FailAllocations {
  std::uint64_t nth = 0;
  double probability = 0;
  std::uint64_t seed = 1;
  std::uint64_t above_bytes = 0;

  bool any() const noexcept { return nth != 0 || probability > 0 || above_bytes != 0; }
};

// Walks the whole heap, and needs no memory. For the reactor's thread, or between its events.
AFTERIMAGE_API HeapStatistics heap_statistics(const Heap& heap) noexcept;

// Makes `heap` this thread's heap (null: none) and returns the previous one.
AFTERIMAGE_API Heap* exchange_current_heap(Heap* heap) noexcept;

// While it lives, this thread allocates from `heap`.
class [[nodiscard]] HeapScope {
 public:
  explicit HeapScope(Heap& heap) noexcept : HeapScope(&heap) {}
  explicit HeapScope(Heap* heap) noexcept : previous_(exchange_current_heap(heap)) {}  // null: the ordinary one
  ~HeapScope() { exchange_current_heap(previous_); }
  HeapScope(const HeapScope&) = delete;
  HeapScope& operator=(const HeapScope&) = delete;

 private:
  Heap* previous_;
};

// While it lives, this thread allocates from the program's ordinary heap.
class [[nodiscard]] OutsideScope {
 public:
  OutsideScope() noexcept : previous_(exchange_current_heap(nullptr)) {}
  ~OutsideScope() { exchange_current_heap(previous_); }
  OutsideScope(const OutsideScope&) = delete;
  OutsideScope& operator=(const OutsideScope&) = delete;

 private:
  Heap* previous_;
};

}  // namespace afterimage
