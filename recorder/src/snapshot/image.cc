#include "snapshot/image.h"

#include <errno.h>
#include <sys/mman.h>

#include <algorithm>

#include "os/pages.h"
#include "snapshot/copy_pages.h"

namespace afterimage {
namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;
constexpr std::size_t kMostRanges = 16;  // a heap has nine
constexpr std::size_t kMostRuns = 4096;  // with memory in them; one that is protected takes two of 65,530 mappings
constexpr std::size_t kLongGap = std::size_t{256} << 10;  // of pages without memory: shorter ones are as soon copied

}  // namespace

bool list_own(const os::WrittenPages& pages, PageRange within, std::vector<PageRange>& runs, std::size_t most) {
  const std::size_t first = runs.size();
  const auto add = [&](const os::PageRun& run) {
    const bool may_join = runs.size() > first;
    if (may_join && (runs.size() >= most || run.address() - (runs.back().address + runs.back().bytes) < kLongGap))
      runs.back().bytes = run.address() + run.bytes() - runs.back().address;
    else runs.push_back({run.address(), run.bytes()});
    return true;
  };
  if (pages.scan(os::WrittenPages::Which::own, within.address, within.bytes, false, add) == 0) return true;
  runs.resize(first);
  return false;
}

// All memory that a snapshot needs on the reactor's thread is asked for, and touched, here.
Image::Image(Sharing sharing) : sharing_(sharing), knows_pages_(pages_.open() == 0) {
  ranges_.reserve(kMostRuns + kMostRanges);
  with_memory_.reserve(kMostRuns + kMostRanges);
}

Image::~Image() {
  if (mirror_ != nullptr) munmap(mirror_, mirror_bytes_);
}

int Image::attach(const Heap& heap) noexcept {
  if (slot_ != heap.base()) ++owners_;
  slot_ = heap.base();
  slot_bytes_ = heap.slot_bytes();
  if (slot_bytes_ <= mirror_bytes_) return 0;
  if (mirror_ != nullptr) munmap(mirror_, mirror_bytes_);
  mirror_bytes_ = known_bytes_ = 0;
  mirror_ = nullptr;
  const int flags = sharing_ == Sharing::with_children ? MAP_SHARED : MAP_PRIVATE;
  void* const memory = os::map_on_touch(nullptr, slot_bytes_, flags, os::Locked::never);  // it gives pages back
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
}

// Fresh huge pages are five times as fast as small ones. In long runs only: a huge page for a small one would be waste.
void Image::want_huge_pages(std::uintptr_t address, std::size_t bytes) const noexcept {
  if (bytes >= 2 * kHugePage && is_in_slot(address)) madvise(at(address), bytes, MADV_HUGEPAGE);  // in vain where there are none
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
  want_huge_pages(address, bytes);
  copy_pages(at(address), reinterpret_cast<const std::byte*>(address), bytes);
}

void Image::copy_nothing(std::uintptr_t address, std::size_t bytes) const noexcept {
  if (bytes != 0) madvise(at(address), bytes, sharing_ == Sharing::with_children ? MADV_REMOVE : MADV_DONTNEED);
}

void Image::leave_out_unwritten() noexcept {
  if (!knows_pages_) return;
  with_memory_.clear();
  bytes_ = 0;
  for (const PageRange& range : ranges_) {
    const std::size_t first = with_memory_.size();
    if (!list_own(pages_, range, with_memory_, kMostRuns)) with_memory_.push_back(range);
    std::uintptr_t done = range.address;
    for (const PageRange& run : std::span(with_memory_).subspan(first)) {
      copy_nothing(done, run.address - done);
      done = run.address + run.bytes;
      bytes_ += run.bytes;
    }
    copy_nothing(done, range.address + range.bytes - done);
  }
  std::swap(ranges_, with_memory_);
}

void Image::list_copied(PageRange within, std::vector<PageRange>& runs) const {
  const std::size_t first = runs.size();
  const auto mirror = reinterpret_cast<std::uintptr_t>(at(within.address));
  if (!knows_mirror() || !list_own(pages_, {mirror, within.bytes}, runs)) return runs.push_back(within);
  for (PageRange& run : std::span(runs).subspan(first)) run.address = run.address - mirror + within.address;
}

}  // namespace afterimage
