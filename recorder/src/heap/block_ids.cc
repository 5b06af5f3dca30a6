// heap/block_ids.cc: the kinda-safe heap. A block has an id; a SafePtr remembers the one its block had, and the two are compared at
// every access.
//
// The ids are a table of their own: one number for each 16 bytes where a block may begin, counted up when the block that begins
// there is freed. So whatever is allocated there later, in whatever sizes, a pointer to the old block is never taken for one
// to the new. "Kinda": plain pointers are not looked at, nor is it noticed that a block was freed four thousand million times in between.
#include <algorithm>

#include "afterimage/safe_ptr.h"
#include "base/raw_log.h"
#include "heap/current_heap.h"
#include "heap/heap.h"
#include "heap/misuse.h"

namespace afterimage {

void Heap::keep_ids() noexcept {
  flags |= kKindaSafe;
  slices = std::min(slices, static_cast<std::uint32_t>(block_ids_offset(HeapHeader::slot_bytes) >> kSliceShift));
}

void Heap::deallocate_from(void* block, const void* site) noexcept {
  if (site == nullptr) ++foreign_frees;
  const std::uint64_t before = frees;
  deallocate(block);
  if (frees != before) freed[before % kFreedBlocks].site = reinterpret_cast<std::uintptr_t>(site);
}

const std::uint32_t* Heap::id_of(const void* address) const noexcept {
  Block block;
  return locate(reinterpret_cast<std::uintptr_t>(address), block) ? &id_at(block.address - base()) : nullptr;
}

bool Heap::is_live_at(const void* address) const noexcept {
  Block block;
  return locate(reinterpret_cast<std::uintptr_t>(address), block) && block.live;
}

const FreedBlock* Heap::last_free_of(std::uint32_t entry, const std::uint32_t* id) const noexcept {
  for (std::uint64_t age = 1; age <= std::min(frees, std::uint64_t{kFreedBlocks}); ++age) {
    const FreedBlock& block = freed[(frees - age) % kFreedBlocks];
    if (block.entry == entry && (id == nullptr || block.id == *id)) return &block;
  }
  return nullptr;
}

void Heap::report_dangling(const char* what, const void* address, const std::uint32_t* current_id, std::uint32_t id, const void* site) noexcept {
  const auto first_id = reinterpret_cast<const std::uint32_t*>(base() + block_ids_offset(HeapHeader::slot_bytes));
  report_misuse(what, address, site, last_free_of(static_cast<std::uint32_t>(current_id - first_id), &id));
}

void report_dangling(detail::Misuse misuse, const void* address, const detail::BlockId& id, const void* site) noexcept {
  const char* const what = misuse == detail::Misuse::access ? "use of freed memory: " : "double free: ";
  Heap* const heap = heap_of(id.current);
  if (heap == current_heap()) return heap->report_dangling(what, address, id.current, id.value, site);
  RawLine().text(what).address(address).text(", of a reactor that this thread is not in").print();
}

namespace detail {
namespace {

constinit const std::uint32_t g_no_id = 0;

}  // namespace

BlockId id_of_block(const void* address) noexcept {
  const CurrentHeap& current = t_current_heap;
  const std::uint32_t* const id = current.owns(address) && current.heap()->keeps_ids() ? current.heap()->id_of(address) : nullptr;
  if (id == nullptr) return {&g_no_id, 0};
  // What is freed already had the id before.
  return {id, current.heap()->is_live_at(address) ? *id : *id - 1};
}

void dangling(Misuse misuse, const void* address, const BlockId& id) noexcept {
  report_dangling(misuse, address, id, __builtin_return_address(0));
}

}  // namespace detail
}  // namespace afterimage
