#include "snapshot/image.h"

#include <errno.h>
#include <sys/mman.h>

#include <algorithm>

#include "snapshot/copy_pages.h"

namespace afterimage {
namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;
constexpr std::size_t kMostRanges = 16;  // a heap has eight

}  // namespace

// All memory that a snapshot needs on the reactor's thread is asked for, and touched, here.
Image::Image(Sharing sharing) : sharing_(sharing) { ranges_.reserve(kMostRanges); }

Image::~Image() {
  if (mirror_ != nullptr) munmap(mirror_, mirror_bytes_);
}

int Image::attach(const Heap& heap) noexcept {
  if (slot_ != heap.base()) ++owners_;
  slot_ = heap.base();
  slot_bytes_ = heap.slot_bytes();
  huge_end_ = 0;
  if (slot_bytes_ <= mirror_bytes_) return 0;
  if (mirror_ != nullptr) munmap(mirror_, mirror_bytes_);
  mirror_bytes_ = known_bytes_ = 0;
  mirror_ = nullptr;
  const int flags = sharing_ == Sharing::with_children ? MAP_SHARED : MAP_PRIVATE;
  void* const memory = mmap(nullptr, slot_bytes_, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    slot_ = 0;
    return errno;
  }
  mirror_ = static_cast<std::byte*>(memory);
  mirror_bytes_ = slot_bytes_;
  madvise(mirror_, mirror_bytes_, MADV_DONTDUMP);  // a core dump holds the pages themselves
  // A child of the program must not pay for copies of these.
  if (sharing_ == Sharing::this_process) madvise(mirror_, mirror_bytes_, MADV_DONTFORK);
  return 0;
}

void Image::list_ranges(const Heap& heap) noexcept {
  ranges_.clear();
  bytes_ = 0;
  heap.used_ranges([&](std::uintptr_t address, std::size_t bytes) {
    // Adjacent tables become one range.
    if (!ranges_.empty() && ranges_.back().address + ranges_.back().bytes == address) ranges_.back().bytes += bytes;
    else ranges_.push_back({address, bytes});
    bytes_ += bytes;
  });
  want_huge_pages();
}

// The blocks are the largest range. Fresh huge pages are five times as fast as small ones.
void Image::want_huge_pages() noexcept {
  const PageRange& blocks = *std::ranges::max_element(ranges_, {}, &PageRange::bytes);
  const std::uintptr_t end = (blocks.address + blocks.bytes) & ~(kHugePage - 1);
  if (blocks.bytes < 2 * kHugePage || end <= huge_end_) return;
  madvise(at(blocks.address), end - blocks.address, MADV_HUGEPAGE);  // in vain where there are none
  huge_end_ = end;
}

std::size_t Image::variable_bytes() const noexcept {
  std::size_t sum = 0;
  for (const VariablePages& pages : variables_) sum += pages.bytes;
  return sum;
}

// They are few: some for each library.
std::byte* Image::variable_at(std::uintptr_t address) const noexcept {
  const auto pages = std::ranges::find_if(variables_, [&](const VariablePages& v) { return address - v.address < v.bytes; });
  return pages->copy + (address - pages->address);
}

void Image::copy(std::uintptr_t address, std::size_t bytes) const noexcept {
  copy_pages(at(address), reinterpret_cast<const std::byte*>(address), bytes);
}

void Image::copy_all() const noexcept {
  for (const PageRange& range : ranges_) copy(range.address, range.bytes);
}

}  // namespace afterimage
