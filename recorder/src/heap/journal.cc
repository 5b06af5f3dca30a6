#include "heap/journal.h"

#include <bit>
#include <utility>

#include "base/out_of_memory.h"
#include "heap/current_heap.h"

namespace afterimage {

void HeapJournal::heard(const HeapOperation& operation) noexcept {
  Heap* const heap = switch_heap(nullptr);
  is_complete_ = is_complete_ && finds_memory([&] { operations_.push_back(operation); });
  switch_heap(heap);
}

HeapListener* Heap::exchange_listener(HeapListener* listener) noexcept {
  flags = listener != nullptr ? flags | kListenedTo : flags & ~std::uint32_t{kListenedTo};
  fast_bytes = listener != nullptr || (flags & kFailAllocations) != 0 ? 0 : kMaxTabledBytes + 1;
  return std::exchange(slot_of(this).listener, listener);
}

void Heap::listen_again() noexcept {
  if (HeapListener* const listener = slot_of(this).listener; listener != nullptr) exchange_listener(listener);
}

[[gnu::cold]] void Heap::tell_allocation(std::size_t bytes, const void* block, std::size_t alignment) noexcept {
  slot_of(this).listener->heard({.address = reinterpret_cast<std::uintptr_t>(block), .value = bytes, .kind = HeapOperation::Kind::allocate,
                               .has_contents = 0, .alignment_log2 = static_cast<std::uint32_t>(std::countr_zero(alignment))});
}

[[gnu::cold]] void Heap::tell_resize(std::size_t bytes, const void* block) noexcept {
  slot_of(this).listener->heard({.address = reinterpret_cast<std::uintptr_t>(block), .value = bytes, .kind = HeapOperation::Kind::resize,
                               .has_contents = 0, .alignment_log2 = 0});
}

[[gnu::cold]] void Heap::tell_free(const void* block, const void* site) noexcept {
  slot_of(this).listener->heard({.address = reinterpret_cast<std::uintptr_t>(block), .value = reinterpret_cast<std::uintptr_t>(site),
                               .kind = HeapOperation::Kind::free, .has_contents = 0, .alignment_log2 = 0});
}

void* Heap::repeat(const HeapOperation& operation) noexcept {
  void* const block = reinterpret_cast<void*>(operation.address);
  switch (operation.kind) {
    case HeapOperation::Kind::allocate:
      return operation.alignment_log2 == 0 ? allocate(operation.value) : allocate_aligned(std::size_t{1} << operation.alignment_log2, operation.value);
    case HeapOperation::Kind::resize: return reallocate(block, operation.value);
    case HeapOperation::Kind::keep: return block;
    case HeapOperation::Kind::free: break;
  }
  deallocate_from(block, reinterpret_cast<const void*>(operation.value));
  return nullptr;
}

}  // namespace afterimage
