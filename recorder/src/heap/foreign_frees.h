// heap/foreign_frees.h: blocks freed by a thread which is not in the heap they belong to.
//
// When they arrive is not determined by the events, so they are an input: they wait in a queue outside
// the slot, are freed at the next event boundary, and become part of the log there. Pushing is lock-free
// (a forked child finds no lock held) and never touches the slot.
//
// In the same queue wait objects that are to be destroyed (record/foreign_ptr.cc), which the heap knows nothing of.
#pragma once

#include <cstddef>
#include <cstdint>

#include "afterimage/heap.h"
#include "heap/slots.h"

namespace afterimage {

// Memory of libc's.
struct ForeignRequest {
  ForeignRequest* next;
  void* block;  // to free; null: it is something else than a free
};

// Behind all others.
void append_requests(ForeignRequest*& requests, ForeignRequest* more) noexcept;
void free_requests(ForeignRequest*& requests) noexcept;

// Queues `block`, whose address must be in the zones. If there is no memory for that, the block is leaked.
__attribute__((visibility("hidden"))) void queue_foreign_free(void* block) noexcept;
__attribute__((visibility("hidden"))) void queue_foreign_request(detail::ForeignQueue& queue, ForeignRequest* request) noexcept;

inline detail::ForeignQueue& foreign_queue_of(const Heap& heap) noexcept { return slot_of(&heap).foreign; }
inline bool has_requests(const detail::ForeignQueue& queue) noexcept { return queue.first.load(std::memory_order_relaxed) != nullptr; }
// For the owner: whether there is something else than frees.
bool has_objects(const detail::ForeignQueue& queue) noexcept;

// What was queued before this call, in two lists, oldest first.
struct ForeignRequests {
  ForeignRequest* frees = nullptr;
  ForeignRequest* others = nullptr;
};
ForeignRequests take_foreign_requests(detail::ForeignQueue& queue) noexcept;
// On the owner's thread, between events.
void free_blocks(Heap& heap, const ForeignRequest* frees) noexcept;

// All of it, without a log; other requests are given up. Returns the number of blocks.
AFTERIMAGE_API std::size_t drain_foreign_frees(Heap& heap) noexcept;
// For the replay, where foreign frees come from the log; and where nobody is there any more.
AFTERIMAGE_API void discard_foreign_frees(Heap& heap) noexcept;
void discard_foreign_requests(detail::ForeignQueue& queue) noexcept;

}  // namespace afterimage
