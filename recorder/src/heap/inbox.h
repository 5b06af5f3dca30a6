// heap/inbox.h: where events lie in the slot while react() has them, so that an event's address is the same in the replay.
//
// Events of up to 64 KiB stack up in the inbox, nested ones behind those that they interrupt. What is larger, or aligned to more than
// a cache line, lies in the large inbox: 31 MiB of addresses between two tables of the heap, of which as much counts as events have
// taken. For still larger ones there is no place.
#pragma once
#include <cstddef>
#include <cstdint>

#include "base/bits.h"
#include "heap/heap.h"

namespace afterimage {

// How much of both is taken. A copy of it is what an event that ends, or is interrupted, goes back to. Exported for the tests.
class AFTERIMAGE_API Inbox {
 public:
  static constexpr std::size_t kAlignment = 64;

  // Null where there is no place.
  std::byte* take(Heap& heap, std::size_t bytes, std::size_t alignment) noexcept {
    return has_room(bytes, alignment) ? take_room(heap, bytes) : take_large(heap, bytes, alignment);
  }
  // Its halves, for who is in a hurry.
  bool has_room(std::size_t bytes, std::size_t alignment) const noexcept {
    return alignment <= kAlignment && bytes <= Heap::kInboxBytes - used_;
  }
  std::byte* take_room(Heap& heap, std::size_t bytes) noexcept {
    std::byte* const place = heap.inbox() + used_;
    used_ += static_cast<std::uint32_t>(align_up(bytes, kAlignment));
    return place;
  }
  std::byte* take_large(Heap& heap, std::size_t bytes, std::size_t alignment) noexcept;

 private:
  std::uint32_t used_ = 0, large_used_ = 0;
};

}  // namespace afterimage
