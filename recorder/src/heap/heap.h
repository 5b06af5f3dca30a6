// heap/heap.h: the allocator of one reactor.
//
// The debugger relies on this:
//   - all state is inside the slot, and `this` is the slot's first byte: whoever saves the used ranges
//     has saved the allocator, whoever maps them back has revived it;
//   - what a call returns depends on the heap's contents and the arguments only, not on time, thread,
//     process or kernel, so a replay gets the same addresses;
//   - only the owning thread writes into the slot; frees from elsewhere wait outside (foreign_frees.h).
//
// A small block comes from the recent ones of its class: those freed last, and when there are none, the
// next few of the class's current group of 64 blocks. Memory is never given back to the kernel.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "afterimage/heap.h"
#include "base/bits.h"
#include "base/heap_operation.h"
#include "heap/foreign_frees.h"
#include "heap/heap_layout.h"
#include "heap/settings.h"

namespace afterimage {

enum class SlotSize { large /*64 GiB*/, small /*1 GiB*/ };

// Exported for the tests, which use it directly.
class AFTERIMAGE_API Heap : private HeapHeader {
 public:
  Heap() = delete;

  // Takes the next slot nobody uses. Null on failure, with an errno: ENOSPC when all slots of this
  // size are taken, else what the kernel said (ENOMEM: address space limit).
  [[nodiscard]] static Heap* create(SlotSize size, int& error) noexcept;
  // The same at a place of one's choice: EEXIST when it is taken, EINVAL when it is not that of a slot.
  [[nodiscard]] static Heap* create_at(std::uintptr_t base, std::size_t bytes, int& error) noexcept;
  // For a replay: reserves exactly this slot. Its pages are zero; the heap can be used once a
  // snapshot's ranges have been mapped over it. EINVAL when this is not the place of a slot.
  [[nodiscard]] static Heap* reserve_at(std::uintptr_t base, std::size_t bytes, int& error) noexcept;
  static void destroy(Heap* heap) noexcept;

  std::uintptr_t base() const noexcept { return reinterpret_cast<std::uintptr_t>(this); }
  std::size_t slot_bytes() const noexcept { return HeapHeader::slot_bytes; }
  bool owns(const void* pointer) const noexcept {
    return reinterpret_cast<std::uintptr_t>(pointer) - base() < slot_bytes_at(base());
  }
  // After a restore: whether the pages hold a heap of this version which belongs at this address.
  bool is_valid() const noexcept;
  // The same of pages that come from elsewhere; and then core dumps have them, as those of every heap that a reactor lives in.
  [[nodiscard]] bool revive() noexcept;

  // Null and ENOMEM when the slot is full. The inlined part calls nothing, so that malloc needs no frame.
  [[gnu::always_inline]] void* allocate(std::size_t bytes) noexcept {
    return has_recent(bytes) ? allocate_recent(bytes) : allocate_slowly(bytes);
  }
  // Its two halves, for who has another way to go on.
  [[gnu::always_inline]] bool has_recent(std::size_t bytes) const noexcept {
    return bytes < fast_bytes && recent[tabled_class_of(bytes)].count != 0;
  }
  [[gnu::always_inline]] void* allocate_recent(std::size_t bytes) noexcept {
    void* const block = take_recent(recent[tabled_class_of(bytes)]);
    note_allocation_at(bytes, offset_of(block));
    return block;
  }
  void* allocate_aligned(std::size_t alignment, std::size_t bytes) noexcept;  // a power of two
  void* allocate_zeroed(std::size_t bytes) noexcept;
  void* reallocate(void* block, std::size_t bytes) noexcept;  // null block allocates; 0 bytes is a size
  [[gnu::always_inline]] void deallocate(void* block) noexcept {  // null is allowed; else owns(block)
    if (block == nullptr) return;
    if ((flags & (kKindaSafe | kListenedTo)) != 0) [[unlikely]] return release_noted(block);
    note_free(block);
    const std::uint32_t entry = entry_of(block);
    RecentBlocks& blocks = recent[span(slice_of(block)).size_class];
    if (!is_live_small(block) || blocks.count == RecentBlocks::kCapacity) [[unlikely]] return release_slowly(block);
    make_recent(blocks, entry);
  }
  // The same, as freed by that code; null: by another thread, nobody knows where.
  void deallocate_from(void* block, const void* site) noexcept;
  // 0 for what is not the start of a block.
  std::size_t usable_size(const void* block) const noexcept;

  // Rolling hash over all allocations, reallocations and frees: two runs that agree have done the same.
  std::uint64_t fingerprint() const noexcept { return HeapHeader::fingerprint; }

  static constexpr std::size_t kInboxBytes = 64 * 1024;
  static constexpr std::size_t kLargeInboxBytes = kGroupOffset - kLargeInboxOffset;
  std::byte* inbox() noexcept { return reinterpret_cast<std::byte*>(base() + kInboxOffset); }
  std::byte* large_inbox() noexcept { return reinterpret_cast<std::byte*>(base() + kLargeInboxOffset); }
  std::size_t large_inbox_bytes() const noexcept { return HeapHeader::large_inbox_bytes; }
  // From now on snapshots and core dumps have so much of it.
  void use_large_inbox(std::size_t bytes) noexcept;
  bool is_in_inbox(std::uintptr_t address) const noexcept {
    return address - base() - kInboxOffset < kInboxBytes || address - base() - kLargeInboxOffset < large_inbox_bytes();
  }

  std::uintptr_t object() const noexcept { return HeapHeader::object; }
  void set_object(void* object) noexcept { HeapHeader::object = reinterpret_cast<std::uintptr_t>(object); }

  // Wrong frees are counted and ignored; whether they are reported on stderr (the first 16) is a setting of the heap.
  void set_report_misuse(bool on) noexcept { flags = on ? flags | kReportMisuse : flags & ~kReportMisuse; }
  std::uint64_t misuses() const noexcept { return HeapHeader::misuses; }

  // No more than this is handed out, counted in slices of 64 KiB: then allocations fail, with ENOMEM or bad_alloc. The limit is
  // part of the heap, so that the replay fails at the same call.
  void set_limit(std::size_t bytes) noexcept;
  HeapStatistics statistics() const noexcept;

  // The event whose react() runs, plus 1; 0 between events. Any thread may ask.
  std::uint64_t event_plus_1() const noexcept { return __atomic_load_n(&(HeapHeader::event_plus_1), __ATOMIC_RELAXED); }
  // Returns what was there.
  std::uint64_t exchange_event(std::uint64_t event_plus_1) noexcept {
    const std::uint64_t before = HeapHeader::event_plus_1;
    __atomic_store_n(&(HeapHeader::event_plus_1), event_plus_1, __ATOMIC_RELAXED);
    return before;
  }

  // The following are part of the heap, too, and for one that nothing was allocated in yet: all settings at once, and each.
  void set_up(const HeapSettings& settings) noexcept;
  // Kinda-safe (block_ids.cc): a block has an id, which changes when it is freed.
  void keep_ids() noexcept;
  bool keeps_ids() const noexcept { return (flags & kKindaSafe) != 0; }
  // Where the id is of the block that contains the address, live or freed; null where there is none.
  const std::uint32_t* id_of(const void* address) const noexcept;
  bool is_live_at(const void* address) const noexcept;
  // A pointer with `id` was used, but the block has another one by now.
  void report_dangling(const char* what, const void* address, const std::uint32_t* current_id, std::uint32_t id,
                       const void* site) noexcept;
  // What is wrong in any case: named on stderr and in the recording.
  void report_misuse(const char* what, const void* block, const void* site, const FreedBlock* freed_block = nullptr) noexcept;
  // A misuse inside react() ends the program where it happens, with SIGABRT.
  void stop_at_misuse() noexcept { flags |= kStopAtMisuse; }
  void fail_allocations(const FailAllocations& which) noexcept;

  // From now on whoever this is hears of what is allocated and freed (journal.cc); null: nobody. Returns who it was before.
  HeapListener* exchange_listener(HeapListener* listener) noexcept;
  // After a restore: its pages do not know who listens now.
  void listen_again() noexcept;
  // Does again what was heard. Returns the block, null for a free.
  void* repeat(const HeapOperation& operation) noexcept;

  struct Block {
    std::uintptr_t address;
    std::size_t size;  // of the block; of a large one the size asked for
    bool live;
  };
  // f(uintptr_t address, size_t bytes), page-aligned, ascending: all that a snapshot must save.
  template <class F>
  void used_ranges(F&& f) const;
  // All that was ever handed out; freed memory is part of it.
  std::uintptr_t data_begin() const noexcept { return base() + (std::uintptr_t{first} << kSliceShift); }
  std::uintptr_t data_end() const noexcept { return base() + (std::uintptr_t{top} << kSliceShift); }
  // f(const Block&), by address: every live block, and the free ones between small ones.
  template <class F>
  void walk(F&& f) const;
  // The block that contains the address; false where there is none.
  bool locate(std::uintptr_t address, Block& block) const noexcept;
  // Whether this page is one that was handed out, and nothing in use lies on it.
  bool is_free_page(std::uintptr_t page) const noexcept;

 private:
  // Small blocks (small_blocks.cc)
  [[gnu::always_inline]] void* take_recent(RecentBlocks& blocks) noexcept {  // there must be one
    const std::uint32_t entry = blocks.entries[--blocks.count];
    live_word(entry) |= live_bit(entry);
    return reinterpret_cast<void*>(base() + (std::uintptr_t{entry} << 4));
  }
  void* allocate_slowly(std::size_t bytes) noexcept;
  void* take_block(unsigned size_class) noexcept;
  bool refill(unsigned size_class) noexcept;
  bool next_group(unsigned size_class) noexcept;
  bool new_span(unsigned size_class) noexcept;
  void release_slowly(void* block) noexcept;
  void release_noted(void* block) noexcept;
  void release_unusual(void* block, const void* site) noexcept;
  [[gnu::always_inline]] void make_recent(RecentBlocks& blocks, std::uint32_t entry) noexcept {
    live_word(entry) ^= live_bit(entry);
    blocks.entries[blocks.count++] = entry;
  }
  bool is_block_start(const void* address, const Span& s) const noexcept;
  void make_recent_of_many(RecentBlocks& blocks, std::uint32_t entry) noexcept;
  void release_to_group(unsigned size_class, std::uint32_t entry) noexcept;
  void span_gained_block(std::uint32_t head) noexcept;
  std::uint64_t& live_word(std::uint32_t entry) const noexcept { return groups(0)[entry >> 6].live; }
  static constexpr std::uint64_t live_bit(std::uint32_t entry) noexcept { return std::uint64_t{1} << (entry & 63); }
  // Whether this is where a small block begins which is in use: what makes no sense to free fails this one test.
  [[gnu::always_inline]] bool is_live_small(const void* block) const noexcept {
    const std::uint32_t entry = entry_of(block);
    return (live_word(entry) & live_bit(entry)) != 0 && (reinterpret_cast<std::uintptr_t>(block) & 15) == 0;
  }
  void link(Bin& bin, std::uint32_t head) noexcept;
  void unlink(Bin& bin, std::uint32_t head) noexcept;

  // Slices and large blocks (large_blocks.cc)
  std::uint32_t find_hole(std::uint32_t count, std::uint32_t alignment) noexcept;
  std::uint32_t take_slices(std::uint32_t count, std::uint32_t alignment) noexcept;
  void occupy(std::uint32_t first_slice, std::uint32_t count) noexcept;
  void include_in_cores(std::uint32_t from, std::uint32_t to) noexcept;
  void drop_slices(std::uint32_t first_slice, std::uint32_t count) noexcept;
  void* take_large(std::size_t bytes, std::size_t alignment, bool* is_zero) noexcept;
  void release_large(void* block, const void* site) noexcept;
  bool resize_large(Span& s, std::size_t bytes) noexcept;
  bool is_live_start(const void* block) const noexcept;
  bool has_object() const noexcept;
  void refuse() noexcept;
  // Allocations that fail on purpose (failing_allocations.cc)
  bool must_fail(std::size_t bytes) noexcept { return (flags & kFailAllocations) != 0 && fails_on_purpose(bytes); }
  bool fails_on_purpose(std::size_t bytes) noexcept;

  void report_no_room(std::size_t bytes) noexcept;  // misuse.cc

  // What happens, for a listener (journal.cc)
  void tell_allocation(std::size_t bytes, const void* block, std::size_t alignment) noexcept;
  void tell_resize(std::size_t bytes, const void* block) noexcept;
  void tell_free(const void* block, const void* site) noexcept;

  // Ids of blocks (block_ids.cc)
  std::uint32_t& id_at(std::uintptr_t offset) const noexcept {
    return reinterpret_cast<std::uint32_t*>(base() + block_ids_offset(HeapHeader::slot_bytes))[offset >> 4];
  }
  [[gnu::always_inline]] void end_id(std::uint32_t entry, const void* site) noexcept {
    std::uint32_t& id = id_at(std::uintptr_t{entry} << 4);
    freed[frees++ % kFreedBlocks] = {entry, id++, HeapHeader::event_plus_1, reinterpret_cast<std::uintptr_t>(site)};
  }
  // The last one, or the one that ended this id. Null when it was too long ago, and in a heap without ids.
  const FreedBlock* last_free_of(std::uint32_t entry, const std::uint32_t* id = nullptr) const noexcept;

  void mix(std::uint64_t value) noexcept {
    // The multiplication is of the new value alone: a chain through all calls must be short.
    HeapHeader::fingerprint = std::rotl(HeapHeader::fingerprint, 5) + value * 0x517c'c1b7'2722'0a95;
  }
  void note_allocation(std::size_t bytes, const void* block, std::size_t alignment = 1) noexcept {
    if ((flags & kListenedTo) != 0) [[unlikely]] tell_allocation(bytes, block, alignment);
    note_allocation_at(bytes, block == nullptr ? 0 : offset_of(block));
  }
  void note_allocation_at(std::size_t bytes, std::uintptr_t offset) noexcept { mix(offset + bytes * 0x9e37'79b9'7f4a'7c15); }
  void note_free(const void* block) noexcept { mix(~offset_of(block)); }

  std::uintptr_t offset_of(const void* pointer) const noexcept { return reinterpret_cast<std::uintptr_t>(pointer) - base(); }

  std::uint32_t slice_of(const void* pointer) const noexcept {
    return static_cast<std::uint32_t>(offset_of(pointer) >> kSliceShift);
  }
  std::uint32_t entry_of(const void* block) const noexcept {
    return static_cast<std::uint32_t>(offset_of(block) >> 4);
  }
  std::uintptr_t slice_address(std::uint32_t slice) const noexcept {
    return base() + (std::uintptr_t{slice} << kSliceShift);
  }
  Span& span(std::uint32_t slice) noexcept { return reinterpret_cast<Span*>(base() + kSpanOffset)[slice]; }
  const Span& span(std::uint32_t slice) const noexcept {
    return reinterpret_cast<const Span*>(base() + kSpanOffset)[slice];
  }
  BlockGroup* groups(std::uint32_t slice) const noexcept {
    return reinterpret_cast<BlockGroup*>(base() + kGroupOffset + std::uintptr_t{slice} * kGroupBytesPerSlice);
  }
  std::uint64_t* used_map() const noexcept { return reinterpret_cast<std::uint64_t*>(base() + kUsedMapOffset); }
  std::uint64_t* head_map() const noexcept { return reinterpret_cast<std::uint64_t*>(base() + kHeadMapOffset); }
};

// The heap of this thread, null outside of all reactors. exchange_current_heap is in afterimage/heap.h.
AFTERIMAGE_API Heap* current_heap() noexcept;
// The heap an address belongs to, by its bits; null when no heap of this process has this slot.
AFTERIMAGE_API Heap* heap_of(const void* pointer) noexcept;

template <class F>
void Heap::used_ranges(F&& f) const {
  constexpr std::uintptr_t kPage = 4096;
  // Part [from, to) of a table, as whole pages; tables are apart by more than that.
  const auto table = [&](std::uintptr_t offset, std::uintptr_t from, std::uintptr_t to) {
    const std::uintptr_t begin = align_down(base() + offset + from, kPage), end = align_up(base() + offset + to, kPage);
    if (begin < end) f(begin, static_cast<std::size_t>(end - begin));
  };
  table(0, 0, keeps_ids() ? sizeof(HeapHeader) : offsetof(HeapHeader, freed));
  table(kInboxOffset, 0, kInboxBytes);
  table(kUsedMapOffset, first / 64 * 8, (top + 63) / 64 * 8);
  table(kHeadMapOffset, first / 64 * 8, (top + 63) / 64 * 8);
  table(kSpanOffset, first * sizeof(Span), top * sizeof(Span));
  table(kLargeInboxOffset, 0, large_inbox_bytes());
  table(kGroupOffset, first * kGroupBytesPerSlice, top * kGroupBytesPerSlice);
  // Free slices too: a program that reads what it has freed must read the same in the replay.
  table(0, std::uintptr_t{first} << kSliceShift, std::uintptr_t{top} << kSliceShift);
  if (keeps_ids()) table(block_ids_offset(HeapHeader::slot_bytes), first * kIdBytesPerSlice, top * kIdBytesPerSlice);
}

template <class F>
void Heap::walk(F&& f) const {
  for (std::uint32_t slice = first; slice < top;) {
    const Span& s = span(slice);
    if (s.kind == SpanKind::small) {
      const SizeClass& c = kSizeClasses[s.size_class];
      for (std::uint32_t i = 0; i < c.blocks; ++i) {
        const std::uintptr_t address = slice_address(slice) + std::uintptr_t{i} * c.bytes;
        f(Block{address, c.bytes, is_live_small(reinterpret_cast<void*>(address))});
      }
    } else if (s.kind == SpanKind::large) {
      f(Block{slice_address(slice), static_cast<std::size_t>(s.bytes), true});
    }
    slice += s.kind == SpanKind::free ? 1 : s.slices;
  }
}

}  // namespace afterimage
