// What happened to a reactor's heap between two positions, block by block: the earlier contents are kept as a copy.
//
//     remember(heap)  ...events...  compare(heap, f)
//
// A block that was freed and given out again in between, with the same contents, looks as if nothing had happened to it.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "afterimage/status.h"
#include "heap/heap.h"

namespace afterimage::replay {

struct BlockChange {
  // Freed memory keeps its contents, so a change in it is a write through a dangling pointer, or of a block that lived in between.
  enum class Kind { allocated, freed, changed, changed_while_free } kind;
  std::uintptr_t address;
  std::size_t bytes, bytes_before;  // 0 where there was, or is, no block
  const std::byte* before;          // contents; null without such a block
  const std::byte* after;
};

class HeapDifference {
 public:
  HeapDifference() = default;
  ~HeapDifference();
  HeapDifference(const HeapDifference&) = delete;
  HeapDifference& operator=(const HeapDifference&) = delete;

  Status remember(const Heap& heap);
  // f(const BlockChange&), by address.
  template <typename F>
  void compare(const Heap& heap, F&& f) const;

 private:
  const std::byte* before(const Heap::Block& block) const noexcept { return copy_ + (block.address - begin_); }
  template <typename F>
  void only_before(const Heap::Block& block, F&& f) const;
  template <typename F>
  void in_both(const Heap::Block& old, const Heap::Block& block, F&& f) const;

  std::vector<Heap::Block> blocks_;
  std::uintptr_t begin_ = 0;
  std::size_t bytes_ = 0;
  std::byte* copy_ = nullptr;
};

template <typename F>
void HeapDifference::compare(const Heap& heap, F&& f) const {
  auto old = blocks_.begin();
  heap.walk([&](const Heap::Block& block) {
    for (; old != blocks_.end() && old->address < block.address; ++old) only_before(*old, f);
    if (old != blocks_.end() && old->address == block.address) return in_both(*old++, block, f);
    const auto* const after = reinterpret_cast<const std::byte*>(block.address);
    if (block.live) f(BlockChange{BlockChange::Kind::allocated, block.address, block.size, 0, nullptr, after});
  });
  for (; old != blocks_.end(); ++old) only_before(*old, f);
}

template <typename F>
void HeapDifference::only_before(const Heap::Block& block, F&& f) const {
  if (block.live) f(BlockChange{BlockChange::Kind::freed, block.address, 0, block.size, before(block), nullptr});
}

template <typename F>
void HeapDifference::in_both(const Heap::Block& old, const Heap::Block& block, F&& f) const {
  using Kind = BlockChange::Kind;
  const auto* const after = reinterpret_cast<const std::byte*>(block.address);
  const std::size_t common = old.size < block.size ? old.size : block.size;
  Kind kind = block.live ? Kind::changed : Kind::changed_while_free;
  if (old.live != block.live) kind = block.live ? Kind::allocated : Kind::freed;
  else if (old.size == block.size && std::memcmp(before(old), after, common) == 0) return;
  f(BlockChange{kind, block.address, block.size, old.size, before(old), after});
}

}  // namespace afterimage::replay
