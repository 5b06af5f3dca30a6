// heap/foreign_frees.h: blocks freed by a thread which is not in the heap they belong to.
//
// When they arrive is not determined by the events, so they are an input: they wait in a queue outside
// the slot, become part of the log at the next event boundary, and are freed then. Pushing is lock-free
// (a forked child finds no lock held) and never touches the slot.
#pragma once

#include <cstddef>
#include <cstdint>

#include "afterimage/heap.h"
#include "heap/slots.h"

namespace afterimage {

// Queues `block`, whose address must be in the zones. If there is no memory for that, the block is leaked.
__attribute__((visibility("hidden"))) void queue_foreign_free(void* block) noexcept;

using ForeignFrees = std::atomic<ForeignFree*>;
inline const ForeignFrees& foreign_frees_of(const Heap& heap) noexcept { return slot_of(&heap).foreign_frees; }
inline bool has_foreign_frees(const Heap& heap) noexcept { return foreign_frees_of(heap).load(std::memory_order_relaxed) != nullptr; }

// Frees what was queued before this call, oldest first; on the owner's thread, between events.
// Each part is reported for the log before it is freed: at most kForeignFreeBatch addresses a time,
// so on_batch may be called several times (and not at all). Returns the number of blocks.
inline constexpr std::size_t kForeignFreeBatch = 1024;
AFTERIMAGE_API std::size_t drain_foreign_frees(Heap& heap,
                                               void (*on_batch)(void* context, const std::uint64_t* addresses,
                                                                std::size_t count),
                                               void* context) noexcept;

// For the replay, where foreign frees come from the log.
AFTERIMAGE_API void discard_foreign_frees(Heap& heap) noexcept;

}  // namespace afterimage
