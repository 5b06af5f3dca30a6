#include "heap/heap.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "heap/retired_heaps.h"
#include "os/pages.h"

namespace afterimage {

constinit Slot g_slots[kLargeSlots + kSmallSlots] = {};

namespace {

constexpr std::uint32_t kHeapVersion = 5;

Heap* register_slot(std::uintptr_t base) noexcept {
  Heap* const heap = reinterpret_cast<Heap*>(base);
  discard_foreign_frees(*heap);  // what somebody freed after the slot's previous heap had gone
  slot_of(heap).heap.store(heap, std::memory_order_release);
  return heap;
}

}  // namespace

// Slots are taken in turn, not lowest first: an address of a destroyed heap should stay invalid for long.
Heap* Heap::create(SlotSize size, int& error) noexcept {
  static constinit std::atomic<std::uint64_t> next[2] = {};
  const bool large = size == SlotSize::large;
  const std::uintptr_t zone = large ? kLargeZone : kSmallZone;
  const std::size_t count = large ? kLargeSlots : kSmallSlots;
  const std::size_t bytes = slot_bytes_at(zone);
  for (std::size_t attempt = 0; attempt < count; ++attempt) {
    const std::uintptr_t base = zone + next[large ? 0 : 1].fetch_add(1, std::memory_order_relaxed) % count * bytes;
    Heap* const heap = create_at(base, bytes, error);
    if (error == EEXIST) continue;
    if (heap == nullptr || foreign_queue_of(*heap).lent.load(std::memory_order_relaxed) == 0) return heap;
    destroy(heap);  // somebody still holds what was there (afterimage/foreign_ptr.h)
  }
  if (release_retired_heaps()) return create(size, error);
  error = ENOSPC;
  return nullptr;
}

Heap* Heap::create_at(std::uintptr_t base, std::size_t bytes, int& error) noexcept {
  Heap* const heap = reserve_at(base, bytes, error);
  if (heap == nullptr) return nullptr;
  os::include_in_cores(base, kSpanOffset);
  heap->magic = kHeapMagic;
  heap->version = kHeapVersion;
  heap->flags = kReportMisuse;
  heap->fast_bytes = kMaxTabledBytes + 1;
  heap->HeapHeader::slot_bytes = bytes;
  heap->slices = static_cast<std::uint32_t>(bytes >> kSliceShift);
  heap->first = heap->top = heap->low = first_data_slice(bytes);
  for (unsigned c = 0; c < kClasses; ++c) heap->bins[c].block_bytes = kSizeClasses[c].bytes;
  return heap;
}

Heap* Heap::reserve_at(std::uintptr_t base, std::size_t bytes, int& error) noexcept {
  const bool is_slot = in_zones(reinterpret_cast<void*>(base)) && bytes == slot_bytes_at(base) && base % bytes == 0;
  error = is_slot ? os::reserve_at(base, bytes) : EINVAL;
  return error == 0 ? register_slot(base) : nullptr;
}

void Heap::destroy(Heap* heap) noexcept {
  slot_of(heap).heap.store(nullptr, std::memory_order_release);
  discard_foreign_frees(*heap);
  os::release(heap->base(), slot_bytes_at(heap->base()));
}

bool Heap::is_valid() const noexcept {
  return magic == kHeapMagic && version == kHeapVersion && HeapHeader::slot_bytes == slot_bytes_at(base());
}

bool Heap::revive() noexcept {
  const auto all = static_cast<std::uint32_t>(slot_bytes_at(base()) >> kSliceShift);
  const bool is_sound = is_valid() && first == first_data_slice(HeapHeader::slot_bytes) && first <= top && top <= slices && slices <= all &&
                        first <= low && low <= top;
  if (!is_sound || !has_object()) return false;
  HeapHeader::large_inbox_bytes = 0;  // events are not saved
  os::include_in_cores(base(), kSpanOffset);
  include_in_cores(first, top);
  return true;
}

// Pages from elsewhere may hold anything.
bool Heap::has_object() const noexcept {
  const std::uintptr_t object = HeapHeader::object;
  if (object < slice_address(first) || object >= slice_address(top)) return false;
  const std::uint32_t slice = slice_of(reinterpret_cast<void*>(object));
  if (find_bit(head_map(), first, slice + 1, true) > slice) return false;
  Block block{};
  return span(last_set_bit(head_map(), slice)).size_class < kClasses && locate(object, block) && block.live;
}

void Heap::use_large_inbox(std::size_t bytes) noexcept {
  if (bytes <= large_inbox_bytes()) return;
  const std::uintptr_t end = align_up(bytes, os::kPageBytes), known = align_up<std::uintptr_t>(large_inbox_bytes(), os::kPageBytes);
  if (end > known) os::include_in_cores(base() + kLargeInboxOffset + known, end - known);
  HeapHeader::large_inbox_bytes = bytes;
}

void Heap::set_limit(std::size_t bytes) noexcept {
  const std::size_t wanted = std::min(bytes, HeapHeader::slot_bytes) >> kSliceShift;
  const auto all = static_cast<std::uint32_t>(HeapHeader::slot_bytes >> kSliceShift);
  slices = std::clamp(first + static_cast<std::uint32_t>(wanted), top, all);
}

void Heap::set_up(const HeapSettings& settings) noexcept {
  if (settings.limit_bytes != 0) set_limit(settings.limit_bytes);
  if (settings.kinda_safe) keep_ids();
  if (settings.stop_at_misuse) stop_at_misuse();
  fail_allocations(settings.fail_allocations);
}

HeapStatistics Heap::statistics() const noexcept {
  HeapStatistics sum{.touched_bytes = std::uint64_t{top - first} << kSliceShift,
                     .limit_bytes = std::uint64_t{slices - first} << kSliceShift,
                     .failed_allocations = failures,
                     .misuses = HeapHeader::misuses,
                     .refusals = HeapHeader::refusals,
                     .large_allocations = HeapHeader::large_allocations,
                     .large_frees = HeapHeader::large_frees,
                     .foreign_frees = HeapHeader::foreign_frees,
                     .frees = HeapHeader::frees};
  walk([&](const Block& block) {
    ++(block.live ? sum.live_blocks : sum.free_blocks);
    (block.live ? sum.live_bytes : sum.free_bytes) += block.size;
  });
  if (keeps_ids()) sum.allocations = sum.live_blocks + sum.frees;
  return sum;
}

void* Heap::allocate_aligned(std::size_t alignment, std::size_t bytes) noexcept {
  if (alignment <= 16) return allocate(bytes);
  if (must_fail(bytes)) return nullptr;
  unsigned size_class = kClasses;
  if (bytes <= kMaxSmallBytes && alignment <= kMaxSmallBytes) {
    size_class = class_of(bytes < alignment ? alignment : bytes);
    while (size_class < kClasses && kSizeClasses[size_class].bytes % alignment != 0) ++size_class;
  }
  void* const block = size_class < kClasses ? take_block(size_class) : take_large(bytes, alignment, nullptr);
  mix(alignment);
  note_allocation(bytes, block, alignment);
  return block;
}

void* Heap::allocate_zeroed(std::size_t bytes) noexcept {
  if (bytes > kMaxSmallBytes && must_fail(bytes)) return nullptr;
  bool is_zero = false;
  void* const block = bytes > kMaxSmallBytes ? take_large(bytes, 1, &is_zero) : allocate(bytes);
  if (bytes > kMaxSmallBytes) note_allocation(bytes, block);
  // Never by giving the pages back to the kernel: a snapshot may be copying them.
  if (block != nullptr && !is_zero) std::memset(block, 0, bytes);
  return block;
}

std::size_t Heap::usable_size(const void* block) const noexcept {
  if (!is_live_start(block)) return 0;
  const Span& s = span(slice_of(block));
  return s.kind == SpanKind::large ? std::size_t{s.slices} << kSliceShift : kSizeClasses[s.size_class].bytes;
}

void* Heap::reallocate(void* block, std::size_t bytes) noexcept {
  if (block == nullptr) return allocate(bytes);
  const std::size_t old = usable_size(block);
  if (old == 0) {
    report_misuse("realloc of an address that is not a live block: ", block, nullptr, last_free_of(entry_of(block)));
    errno = ENOMEM;
    return nullptr;
  }
  Span& s = span(slice_of(block));
  const bool fits = s.kind == SpanKind::large ? bytes > kMaxSmallBytes && resize_large(s, bytes)
                                              : bytes <= old && (bytes >= old / 2 || old == class_bytes(0));
  if (fits) {
    if ((flags & kListenedTo) != 0) tell_resize(bytes, block);
    note_allocation_at(bytes, offset_of(block));
    return block;
  }
  void* const moved = allocate(bytes);
  if (moved == nullptr) return nullptr;
  std::memcpy(moved, block, bytes < old ? bytes : old);
  deallocate(block);
  return moved;
}

bool Heap::locate(std::uintptr_t address, Block& block) const noexcept {
  if (address < slice_address(first) || address >= slice_address(top)) return false;
  const std::uint32_t slice = slice_of(reinterpret_cast<void*>(address));
  if (!bit_at(used_map(), slice)) return false;
  const std::uint32_t head = last_set_bit(head_map(), slice);
  const Span& s = span(head);
  if (s.kind == SpanKind::large) {
    block = {slice_address(head), static_cast<std::size_t>(s.bytes), true};
    return true;
  }
  const SizeClass& c = kSizeClasses[s.size_class];
  const std::uint32_t index = c.block_at(static_cast<std::uint32_t>(address - slice_address(head)));
  if (index >= c.blocks) return false;  // the unused end of the span
  const std::uintptr_t begin = slice_address(head) + std::uintptr_t{index} * c.bytes;
  block = {begin, c.bytes, is_live_small(reinterpret_cast<void*>(begin))};
  return true;
}

bool Heap::is_free_page(std::uintptr_t page) const noexcept {
  if (page < slice_address(first) || page >= slice_address(top)) return false;
  const std::uint32_t slice = slice_of(reinterpret_cast<void*>(page));
  if (!bit_at(used_map(), slice)) return true;
  const std::uint32_t head = last_set_bit(head_map(), slice);
  const Span& s = span(head);
  if (s.kind == SpanKind::large) return false;
  const SizeClass& c = kSizeClasses[s.size_class];
  const auto offset = static_cast<std::uint32_t>(page - slice_address(head));
  const std::uint32_t end = std::min(c.block_at(offset + os::kPageBytes - 1) + 1, c.blocks);
  for (std::uint32_t i = c.block_at(offset); i < end; ++i)
    if (is_live_small(reinterpret_cast<void*>(slice_address(head) + std::uintptr_t{i} * c.bytes))) return false;
  return true;
}

HeapStatistics heap_statistics(const Heap& heap) noexcept { return heap.statistics(); }

Heap* heap_of(const void* pointer) noexcept {
  return in_zones(pointer) ? slot_of(pointer).heap.load(std::memory_order_acquire) : nullptr;
}

}  // namespace afterimage
