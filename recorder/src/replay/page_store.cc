#include "replay/page_store.h"

#include <sys/mman.h>

#include <cstring>

#include "os/pages.h"

namespace afterimage::replay {

using os::kPageBytes;

bool PageStore::open(std::size_t pages) {
  constexpr int kOnDemand = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  void* const memory = mmap(nullptr, pages * kPageBytes, PROT_READ | PROT_WRITE, kOnDemand, -1, 0);
  if (memory == MAP_FAILED) return false;
  memory_ = static_cast<std::byte*>(memory);
  uses_.assign(pages, 0);
  for (std::uint32_t copy = static_cast<std::uint32_t>(pages); copy > 0; --copy) free_.push_back(copy - 1);
  return true;
}

void PageStore::close() noexcept {
  if (memory_ != nullptr) munmap(memory_, uses_.size() * kPageBytes);
  memory_ = nullptr;
}

std::uint32_t PageStore::keep(const void* page) {
  if (free_.empty()) return kNone;
  const std::uint32_t copy = free_.back();
  free_.pop_back();
  uses_[copy] = 1;
  std::memcpy(memory_ + copy * kPageBytes, page, kPageBytes);
  return copy;
}

void PageStore::release(std::uint32_t copy) {
  if (--uses_[copy] == 0) free_.push_back(copy);
}

const std::byte* PageStore::at(std::uint32_t copy) const noexcept { return memory_ + copy * kPageBytes; }

}  // namespace afterimage::replay
