// heap/slots.h: where heaps live, and which heap an address belongs to.
//
//     0x4000_0000_0000 .. 0x5000_0000_0000    256 slots of 64 GiB
//     0x5000_0000_0000 .. 0x5500_0000_0000  5,120 slots of 1 GiB
//
// Far from where Linux puts programs, libraries, stacks and mmap regions, so a recorded slot is free
// in the replayer as well. The slot number is in the address; the table below (outside the slots, it
// is process state) only says which slots are ours, and holds what others want of them, and who
// listens.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace afterimage {

class Heap;
class HeapListener;
struct ForeignRequest;

inline constexpr std::uintptr_t kLargeZone = 0x4000'0000'0000;
inline constexpr std::uintptr_t kSmallZone = 0x5000'0000'0000;
inline constexpr std::uintptr_t kZonesEnd = 0x5500'0000'0000;
inline constexpr unsigned kLargeSlotShift = 36;
inline constexpr unsigned kSmallSlotShift = 30;
inline constexpr std::size_t kLargeSlots = (kSmallZone - kLargeZone) >> kLargeSlotShift;
inline constexpr std::size_t kSmallSlots = (kZonesEnd - kSmallZone) >> kSmallSlotShift;
static_assert(kLargeSlots == 256 && kSmallSlots == 5120);

namespace detail {

// What other threads want of a reactor (foreign_frees.h), and what they hold of it (afterimage/foreign_ptr.h).
struct ForeignQueue {
  std::atomic<ForeignRequest*> first;         // newest first
  std::atomic<std::uint32_t> lent;            // objects that have not come back
  std::atomic<std::uint32_t> reactor_plus_1;  // 0: no reactor, or not any more
};

}  // namespace detail

struct Slot {
  std::atomic<Heap*> heap;  // null: not mapped by us
  detail::ForeignQueue foreign;
  HeapListener* listener;  // the heap's owner's; null: nobody
};
extern Slot g_slots[kLargeSlots + kSmallSlots] __attribute__((visibility("hidden")));

inline bool in_zones(const void* pointer) noexcept {
  return reinterpret_cast<std::uintptr_t>(pointer) - kLargeZone < kZonesEnd - kLargeZone;
}

// in_zones(pointer) must hold.
inline Slot& slot_of(const void* pointer) noexcept {
  const auto address = reinterpret_cast<std::uintptr_t>(pointer);
  return address < kSmallZone ? g_slots[(address - kLargeZone) >> kLargeSlotShift]
                              : g_slots[kLargeSlots + ((address - kSmallZone) >> kSmallSlotShift)];
}

inline std::size_t slot_bytes_at(std::uintptr_t base) noexcept {
  return std::size_t{1} << (base < kSmallZone ? kLargeSlotShift : kSmallSlotShift);
}

}  // namespace afterimage
