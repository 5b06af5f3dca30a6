// heap/heap_layout.h: how a slot is divided, and the records which describe its memory.
//
//     0          header (the Heap object)
//     64 KiB     inbox, 64 KiB: events are delivered here
//     128 KiB    used map: one bit per slice
//     256 KiB    head map: one bit per slice, set where a run of slices begins
//     1 MiB      span table: 32 bytes per slice
//     33 MiB     large inbox, 31 MiB: events that do not fit the inbox
//     64 MiB     block groups: 1 KiB per slice
//     80 MiB (1 GiB slots) or 1088 MiB (64 GiB slots)    data, in slices of 64 KiB
//     3/4 of the slot    in a kinda-safe heap only: ids of blocks, 4 bytes for each 16 bytes of data
//
// The offsets are the same in both slot sizes and counted from the slot's base, so that no fast path
// has to ask which one it is; the unused rest of a table costs addresses, not memory. Metadata is out
// of band: an overrun meets other blocks, as with any allocator, and freed blocks keep their contents.
#pragma once

#include <cstddef>
#include <cstdint>

#include "heap/size_classes.h"
#include "heap/slots.h"

namespace afterimage {

inline constexpr std::uint32_t kMaxSlices = std::uint32_t{1} << (kLargeSlotShift - kSliceShift);
inline constexpr std::size_t kGroupBytesPerSlice = 2 * kSliceBytes / 16 / 8;

inline constexpr std::uintptr_t kInboxOffset = 0x1'0000;
inline constexpr std::uintptr_t kUsedMapOffset = 0x2'0000;
inline constexpr std::uintptr_t kHeadMapOffset = 0x4'0000;
inline constexpr std::uintptr_t kSpanOffset = 0x10'0000;
inline constexpr std::uintptr_t kLargeInboxOffset = 0x210'0000;
inline constexpr std::uintptr_t kGroupOffset = 0x400'0000;
static_assert(kUsedMapOffset + kMaxSlices / 8 <= kHeadMapOffset);
static_assert(kHeadMapOffset + kMaxSlices / 8 <= kSpanOffset);

// Data begins behind the block groups. Slice 0 is therefore never handed out: number 0 means "none".
constexpr std::uint32_t first_data_slice(std::size_t slot_bytes) noexcept {
  return static_cast<std::uint32_t>((kGroupOffset + (slot_bytes >> kSliceShift) * kGroupBytesPerSlice) >> kSliceShift);
}

enum class SpanKind : std::uint8_t { free = 0, small = 1, small_continued = 2, large = 3 };

// One per slice. A small span fills all its slices' records; of a large one only the first is valid.
struct Span {
  std::uint32_t free_blocks;     // in its groups; the bin's free_mask and recent blocks not counted
  std::uint16_t first_group;     // the lowest which may have a free block
  SpanKind kind;
  std::uint8_t size_class;
  std::uint32_t previous, next;  // the bin's list of other spans with free blocks
  std::uint32_t head;            // first slice of this run
  std::uint32_t slices;          // length of this run
  std::uint64_t bytes;           // large: the size asked for

  bool is_small() const noexcept { return kind == SpanKind::small || kind == SpanKind::small_continued; }
};
static_assert(sizeof(Span) == 32);
static_assert(kSpanOffset + std::uintptr_t{kMaxSlices} * sizeof(Span) <= kLargeInboxOffset);

// Two tables in one. `free`: 64 neighbouring blocks of a span each, counted from its first slice. `live`: 1 KiB of
// addresses each, a bit set where a block begins that is in use. A free block is either in `free` of its group, or in the
// bin's free_mask, or among the recent blocks. Both bits of a block are rarely wanted at once, so `live` can be by address:
// then no call has to find out which block of which span it is about.
struct BlockGroup {
  std::uint64_t free;
  std::uint64_t live;
};
static_assert(sizeof(BlockGroup) * (kSliceBytes / 16 / 64) == kGroupBytesPerSlice);

// Where a size class allocates: one group of one span.
struct Bin {
  std::uint64_t free_mask;    // taken from the group's `free`
  std::uintptr_t group_base;  // offset of the group's first block
  std::uint32_t span, group;
  std::uint32_t spans;        // other spans with free blocks
  std::uint32_t block_bytes;
};

// The next blocks of a class, from the end: those freed last are reused first, which keeps the set of pages dirtied
// between two snapshots small. One cache line.
struct alignas(64) RecentBlocks {
  static constexpr std::uint32_t kCapacity = 15;
  static constexpr std::uint32_t kHalf = 8;  // what is taken from and given back to the groups at once

  std::uint32_t count;
  std::uint32_t entries[kCapacity];  // offset / 16
};
static_assert(sizeof(RecentBlocks) == 64);

// What became of a block, in a kinda-safe heap.
struct FreedBlock {
  std::uint32_t entry;  // offset / 16
  std::uint32_t id;     // that it had until then
  std::uint64_t event_plus_1;
  std::uintptr_t site;  // that freed it; 0 where it is not known
};

// Which allocations fail on purpose (FailAllocations).
struct FailingAllocations {
  std::uint64_t countdown;    // the one that makes it 0 fails; 0: none
  std::uint64_t chance;       // of each to fail, in parts of 2^64
  std::uint64_t random;       // state of the generator
  std::uint64_t above_bytes;  // larger ones only
};

struct HeapHeader {
  std::uint64_t magic;
  std::uint32_t version;
  std::uint32_t flags;
  std::uint64_t slot_bytes;
  std::uint64_t fingerprint;
  std::uint32_t fast_bytes;     // smaller blocks are allocated the short way; 0 where every allocation is looked at
  std::uint64_t event_plus_1;   // the event whose react() runs; 0: none
  std::uint64_t object;   // the reactor: where a reader of the memory begins
  std::uint32_t slices;   // of the slot, or less: where the limit is
  std::uint32_t first;    // first data slice
  std::uint32_t top;      // [first, top) were handed out at some time; above, memory is zero
  std::uint32_t low;      // there is no free slice below
  std::uint64_t misuses;  // frees of what is not a live block
  std::uint64_t failures; // allocations for which there was no room, or that failed on purpose
  Bin bins[kClasses];
  RecentBlocks recent[kClasses];
  FailingAllocations failing;
  std::uint64_t large_inbox_bytes;  // that were used at some time; above, memory is zero
  std::uint64_t refusals;       // those of the failures for which there was no room
  std::uint64_t large_allocations, large_frees, foreign_frees;
  std::uint64_t frees;          // counted in a kinda-safe heap
  static constexpr std::size_t kFreedBlocks = 1024;
  FreedBlock freed[kFreedBlocks];  // the last ones, a ring
};
static_assert(sizeof(HeapHeader) <= kInboxOffset);

inline constexpr std::uint64_t kHeapMagic = 0x3150'4145'4849'4641;  // "AFIHEAP1"

enum HeapFlags : std::uint32_t {
  kReportMisuse = 1,      // double frees and frees of interior pointers are ignored; with this flag they are reported as well
  kStopAtMisuse = 2,      // ... and those inside react() end the program
  kKindaSafe = 4,         // blocks have ids (block_ids.cc)
  kFailAllocations = 8,   // some allocations inside react() fail on purpose
  kListenedTo = 16,       // somebody hears of what happens (journal.h); in a recording between two events only
};

constexpr std::uintptr_t block_ids_offset(std::size_t slot_bytes) noexcept { return slot_bytes / 4 * 3; }
inline constexpr std::size_t kIdBytesPerSlice = kSliceBytes / 4;

}  // namespace afterimage
