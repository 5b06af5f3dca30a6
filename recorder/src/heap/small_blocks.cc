// heap/small_blocks.cc: blocks up to 64 KiB. Spans, their groups, and the way of a block between its
// group, the bin and the recent blocks of its class.
#include <algorithm>
#include <bit>

#include "heap/heap.h"

namespace afterimage {

[[gnu::noinline]] void* Heap::allocate_slowly(std::size_t bytes) noexcept {
  if (must_fail(bytes)) return nullptr;
  void* const block = bytes > kMaxSmallBytes ? take_large(bytes, 1, nullptr) : take_block(class_of(bytes));
  note_allocation(bytes, block);
  return block;
}

void* Heap::take_block(unsigned size_class) noexcept {
  RecentBlocks& blocks = recent[size_class];
  return blocks.count != 0 || refill(size_class) ? take_recent(blocks) : nullptr;
}

// Makes the lowest free blocks of the current group the recent ones, the lowest to be taken first.
bool Heap::refill(unsigned size_class) noexcept {
  Bin& bin = bins[size_class];
  if (bin.free_mask == 0 && !next_group(size_class)) return false;
  RecentBlocks& blocks = recent[size_class];
  const auto first_entry = static_cast<std::uint32_t>(bin.group_base >> 4), step = bin.block_bytes >> 4;
  const std::uint32_t count = std::min(RecentBlocks::kHalf, static_cast<std::uint32_t>(std::popcount(bin.free_mask)));
  for (std::uint32_t i = count; i-- > 0; bin.free_mask &= bin.free_mask - 1) {
    blocks.entries[i] = first_entry + static_cast<std::uint32_t>(std::countr_zero(bin.free_mask)) * step;
  }
  blocks.count = count;
  return true;
}

// Moves the free blocks of one group into the bin.
bool Heap::next_group(unsigned size_class) noexcept {
  Bin& bin = bins[size_class];
  if (bin.span == 0 || span(bin.span).free_blocks == 0) {
    const std::uint32_t head = bin.spans;
    if (head != 0) {
      unlink(bin, head);
      bin.span = head;
    } else if (!new_span(size_class)) {
      return false;
    }
  }
  Span& s = span(bin.span);
  BlockGroup* const all = groups(bin.span);
  std::uint32_t group = s.first_group;
  while (all[group].free == 0) ++group;
  bin.free_mask = all[group].free;
  bin.group = group;
  bin.group_base = (std::uintptr_t{bin.span} << kSliceShift) + std::uintptr_t{group} * 64 * bin.block_bytes;
  all[group].free = 0;
  s.free_blocks -= static_cast<std::uint32_t>(std::popcount(bin.free_mask));
  s.first_group = static_cast<std::uint16_t>(group + 1);
  return true;
}

bool Heap::new_span(unsigned size_class) noexcept {
  const SizeClass& c = kSizeClasses[size_class];
  const std::uint32_t head = take_slices(c.slices, 1);
  if (head == 0) return false;
  for (std::uint32_t i = 0; i < c.slices; ++i) {
    Span& s = span(head + i);
    s = Span{};
    s.kind = i == 0 ? SpanKind::small : SpanKind::small_continued;
    s.size_class = static_cast<std::uint8_t>(size_class);
    s.head = head;
    s.slices = c.slices;
  }
  span(head).free_blocks = c.blocks;
  for (std::uint32_t i = 0; i < c.blocks; i += 64) {
    const std::uint32_t blocks = c.blocks - i;
    groups(head)[i >> 6].free = blocks >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << blocks) - 1;
  }
  bins[size_class].span = head;
  return true;
}

// What deallocate() leaves: a class with too many recent blocks, and the unusual. Each goes on by a jump: the usual way needs no frame. It is
// come to by a jump, too, from free() and operator delete: the return address is that of their caller.
[[gnu::noinline]] void Heap::release_slowly(void* block) noexcept {
  const void* const site = __builtin_return_address(0);
  if (!is_live_small(block)) return release_unusual(block, site);
  const std::uint32_t entry = entry_of(block);
  if (keeps_ids()) end_id(entry, site);
  make_recent_of_many(recent[span(slice_of(block)).size_class], entry);
}

// deallocate() where blocks have ids, or somebody listens.
[[gnu::noinline]] void Heap::release_noted(void* block) noexcept {
  const void* const site = __builtin_return_address(0);
  if ((flags & kListenedTo) != 0) tell_free(block, site);
  note_free(block);
  const std::uint32_t entry = entry_of(block);
  RecentBlocks& blocks = recent[span(slice_of(block)).size_class];
  if (!is_live_small(block) || blocks.count == RecentBlocks::kCapacity) [[unlikely]] return release_slowly(block);
  make_recent(blocks, entry);
  if (keeps_ids()) end_id(entry, site);
}

// Large blocks, and what is not a block.
[[gnu::noinline]] void Heap::release_unusual(void* block, const void* site) noexcept {
  const Span& s = span(slice_of(block));
  if (!s.is_small()) return release_large(block, site);
  if (!is_block_start(block, s)) return report_misuse("free of an address inside a block: ", block, site);
  report_misuse("double free: ", block, site, last_free_of(entry_of(block)));
}

bool Heap::is_block_start(const void* address, const Span& s) const noexcept {
  const SizeClass& c = kSizeClasses[s.size_class];
  const auto offset = static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(address) - slice_address(s.head));
  const std::uint32_t index = c.block_at(offset);
  return index * c.bytes == offset && index < c.blocks;
}

// The older half goes back to the groups.
[[gnu::noinline]] void Heap::make_recent_of_many(RecentBlocks& blocks, std::uint32_t entry) noexcept {
  const auto size_class = static_cast<unsigned>(&blocks - recent);
  constexpr std::uint32_t kHalf = RecentBlocks::kHalf;
  for (std::uint32_t i = 0; i < kHalf; ++i) release_to_group(size_class, blocks.entries[i]);
  for (std::uint32_t i = kHalf; i < RecentBlocks::kCapacity; ++i) blocks.entries[i - kHalf] = blocks.entries[i];
  blocks.count = RecentBlocks::kCapacity - kHalf;
  make_recent(blocks, entry);
}

void Heap::release_to_group(unsigned size_class, std::uint32_t entry) noexcept {
  const std::uint32_t head = span(entry >> (kSliceShift - 4)).head;
  Span& s = span(head);
  const std::uint32_t block = kSizeClasses[size_class].block_at((entry - (head << (kSliceShift - 4))) << 4);
  const std::uint32_t group = block >> 6;
  const std::uint64_t bit = std::uint64_t{1} << (block & 63);
  Bin& bin = bins[size_class];
  if (bin.span == head && bin.group == group) {
    bin.free_mask |= bit;
    return;
  }
  groups(head)[group].free |= bit;
  if (group < s.first_group) s.first_group = static_cast<std::uint16_t>(group);
  ++s.free_blocks;
  if (bin.span != head) span_gained_block(head);  // the current span is on no list
}

void Heap::span_gained_block(std::uint32_t head) noexcept {
  Span& s = span(head);
  Bin& bin = bins[s.size_class];
  if (s.free_blocks == 1) link(bin, head);
  const bool others = s.previous != 0 || s.next != 0;  // the last spare span of a class is kept
  if (s.free_blocks != kSizeClasses[s.size_class].blocks || !others) return;
  unlink(bin, head);
  drop_slices(head, s.slices);
}

void Heap::link(Bin& bin, std::uint32_t head) noexcept {
  Span& s = span(head);
  s.previous = 0;
  s.next = bin.spans;
  if (bin.spans != 0) span(bin.spans).previous = head;
  bin.spans = head;
}

void Heap::unlink(Bin& bin, std::uint32_t head) noexcept {
  const Span& s = span(head);
  (s.previous != 0 ? span(s.previous).next : bin.spans) = s.next;
  if (s.next != 0) span(s.next).previous = s.previous;
}

}  // namespace afterimage
