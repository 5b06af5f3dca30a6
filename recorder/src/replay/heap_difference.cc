#include "replay/heap_difference.h"

#include <errno.h>
#include <sys/mman.h>

namespace afterimage::replay {

HeapDifference::~HeapDifference() {
  if (copy_ != nullptr) munmap(copy_, bytes_);
}

Status HeapDifference::remember(const Heap& heap) {
  heap.walk([&](const Heap::Block& block) { blocks_.push_back(block); });
  if (blocks_.empty()) return {};
  begin_ = blocks_.front().address;
  bytes_ = blocks_.back().address + blocks_.back().size - begin_;
  void* const memory = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED)
    return Status(errno, "there is no memory for a copy of the heap's " + std::to_string(bytes_) + " bytes.");
  copy_ = static_cast<std::byte*>(memory);
  for (const Heap::Block& block : blocks_)
    std::memcpy(copy_ + (block.address - begin_), reinterpret_cast<const void*>(block.address), block.size);
  return {};
}

}  // namespace afterimage::replay
