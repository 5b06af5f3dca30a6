// heap/large_blocks.cc: runs of slices, and the blocks above 64 KiB which have runs of their own.
//
// First fit by address: old holes first, so that the heap stays dense. Above `top` memory has never
// been touched and is zero.
#include <cerrno>

#include "heap/heap.h"
#include "os/pages.h"

namespace afterimage {

// Where a run of `count` slices fits; it may begin or end above `top`.
std::uint32_t Heap::find_hole(std::uint32_t count, std::uint32_t alignment) noexcept {
  const std::uint64_t* const used = used_map();
  low = find_bit(used, low, top, false);
  for (std::uint32_t hole = low; hole < top;) {
    const std::uint32_t begin = align_up(hole, alignment);
    const std::uint32_t end = find_bit(used, begin, top, true);
    if (end >= top || end - begin >= count) return begin;
    hole = find_bit(used, end, top, false);
  }
  return align_up(top, alignment);
}

void Heap::refuse() noexcept {
  ++failures;
  errno = ENOMEM;
}

// Returns the first slice, 0 when there is no room.
std::uint32_t Heap::take_slices(std::uint32_t count, std::uint32_t alignment) noexcept {
  const std::uint32_t begin = find_hole(count, alignment);
  if (begin >= slices || count > slices - begin) {
    report_no_room(std::size_t{count} << kSliceShift);
    refuse();
    return 0;
  }
  occupy(begin, count);
  set_bits(head_map(), begin, 1, true);
  return begin;
}

void Heap::occupy(std::uint32_t first_slice, std::uint32_t count) noexcept {
  set_bits(used_map(), first_slice, count, true);
  if (first_slice + count <= top) return;
  include_in_cores(top, first_slice + count);
  top = first_slice + count;
}

// In steps whose table entries fill whole pages, and no more often than every 8 MiB.
void Heap::include_in_cores(std::uint32_t from, std::uint32_t to) noexcept {
  constexpr std::uint32_t kStep = 128;
  static_assert(kStep * sizeof(Span) % os::kPageBytes == 0);
  static_assert(first_data_slice(std::size_t{1} << kSmallSlotShift) % kStep == 0);
  const auto begin = static_cast<std::uint32_t>(align_up(from, kStep)), end = static_cast<std::uint32_t>(align_up(to, kStep));
  if (begin >= end) return;
  const auto include = [&](std::uintptr_t offset, std::size_t bytes_per_slice) {
    os::include_in_cores(base() + offset + begin * bytes_per_slice, (end - begin) * bytes_per_slice);
  };
  include(kSpanOffset, sizeof(Span));
  include(kGroupOffset, kGroupBytesPerSlice);
  include(0, kSliceBytes);
  if (keeps_ids()) include(block_ids_offset(HeapHeader::slot_bytes), kIdBytesPerSlice);
}

void Heap::drop_slices(std::uint32_t first_slice, std::uint32_t count) noexcept {
  for (std::uint32_t i = 0; i < count; ++i) {
    Span& s = span(first_slice + i);
    if (s.kind != SpanKind::free) s.kind = SpanKind::free;  // most are: do not dirty their pages
  }
  set_bits(used_map(), first_slice, count, false);
  set_bits(head_map(), first_slice, 1, false);
  if (first_slice < low) low = first_slice;
}

[[gnu::noinline]] void* Heap::take_large(std::size_t bytes, std::size_t alignment, bool* is_zero) noexcept {
  if (bytes > HeapHeader::slot_bytes || alignment > HeapHeader::slot_bytes) {
    report_no_room(bytes);
    refuse();
    return nullptr;
  }
  if (bytes == 0) bytes = 1;  // large only because of its alignment
  const auto count = static_cast<std::uint32_t>(align_up(bytes, kSliceBytes) >> kSliceShift);
  const auto slice_alignment = static_cast<std::uint32_t>(alignment <= kSliceBytes ? 1 : alignment >> kSliceShift);
  const std::uint32_t old_top = top;
  const std::uint32_t head = take_slices(count, slice_alignment);
  if (head == 0) return nullptr;
  if (is_zero != nullptr) *is_zero = head >= old_top;
  Span& s = span(head);
  s = Span{};
  s.kind = SpanKind::large;
  s.head = head;
  s.slices = count;
  s.bytes = bytes;
  ++large_allocations;
  return reinterpret_cast<void*>(slice_address(head));
}

[[gnu::noinline]] void Heap::release_large(void* block, const void* site) noexcept {
  const std::uint32_t head = slice_of(block);
  const Span& s = span(head);
  if (s.kind == SpanKind::large && reinterpret_cast<std::uintptr_t>(block) == slice_address(head)) {
    if (keeps_ids()) end_id(entry_of(block), site);
    ++large_frees;
    return drop_slices(head, s.slices);
  }
  if (s.kind == SpanKind::large) return report_misuse("free of an address inside a block: ", block, site);
  report_misuse("free of an address that is not a live block: ", block, site, last_free_of(entry_of(block)));
}

// Grows or shrinks in place by whole slices; false when the neighbours are taken.
bool Heap::resize_large(Span& s, std::size_t bytes) noexcept {
  if (bytes > HeapHeader::slot_bytes) return false;
  const auto wanted = static_cast<std::uint32_t>(align_up(bytes, kSliceBytes) >> kSliceShift);
  const std::uint32_t end = s.head + s.slices, wanted_end = s.head + wanted;
  if (wanted_end > slices) return false;
  if (wanted_end > end) {
    if (find_bit(used_map(), end, wanted_end, true) != wanted_end) return false;
    occupy(end, wanted_end - end);
  } else if (wanted_end < end) {
    set_bits(used_map(), wanted_end, end - wanted_end, false);
    if (wanted_end < low) low = wanted_end;
  }
  s.slices = wanted;
  s.bytes = bytes;
  return true;
}

bool Heap::is_live_start(const void* block) const noexcept {
  const std::uint32_t slice = slice_of(block);
  const Span& s = span(slice);
  if (s.is_small()) return is_live_small(block);
  return s.kind == SpanKind::large && reinterpret_cast<std::uintptr_t>(block) == slice_address(slice);
}

}  // namespace afterimage
