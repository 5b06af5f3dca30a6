#include "snapshot/written_ranges.h"

#include <elf.h>

#include <cstring>
#include <span>

#include "os/pages.h"
#include "os/write_tracking.h"

namespace afterimage {
namespace {

constexpr std::size_t kShortestRun = 16 * os::kPageBytes;
// Each becomes a mapping of the replayer.
constexpr std::size_t kMostLoads = 4096, kMostDeltaLoads = 1024;
// Asking the kernel which pages have memory takes as long as looking at so much.
constexpr std::size_t kLargeHeap = std::size_t{2} << 20;

// Most pages that are not zero show it in their first words.
bool is_zero(const std::byte* page) {
  std::uint64_t first;
  std::memcpy(&first, page, sizeof first);
  return first == 0 && std::memcmp(page, page + sizeof first, os::kPageBytes - sizeof first) == 0;
}

std::size_t run_end(const format::CoreRange& range, std::size_t at, bool zero) {
  while (at < range.bytes && is_zero(range.data + at) == zero) at += os::kPageBytes;
  return at;
}

void append(std::vector<format::CoreRange>& ranges, const format::CoreRange& whole, std::size_t from, std::size_t to) {
  if (from < to) ranges.push_back({whole.address + from, to - from, whole.flags, whole.data + from});
}

void omit_zero_pages(std::vector<format::CoreRange>& ranges) {
  std::vector<format::CoreRange> kept;
  std::size_t shortest = kShortestRun;
  for (const format::CoreRange& range : ranges) {
    std::size_t begin = 0;  // of what is to be written
    for (std::size_t at = 0; at < range.bytes;) {
      const std::size_t zero = run_end(range, at, false);
      at = run_end(range, zero, true);
      if (at - zero < shortest) continue;
      append(kept, range, begin, zero);
      begin = at;
      if (kept.size() >= kMostLoads) shortest = SIZE_MAX;
    }
    append(kept, range, begin, range.bytes);
  }
  ranges = std::move(kept);
}

// Joins neighbours no more than `gap` apart, but not across the ranges in use: there is nothing between those.
std::vector<PageRange> joined(std::span<const PageRange> used, const std::vector<PageRange>& parts, std::size_t gap) {
  std::vector<PageRange> result;
  auto range = used.begin();
  for (const PageRange& part : parts) {
    while (range != used.end() && range->address + range->bytes <= part.address) ++range;
    if (range == used.end()) break;
    if (!result.empty() && result.back().address >= range->address && part.address - (result.back().address + result.back().bytes) <= gap)
      result.back().bytes = part.address + part.bytes - result.back().address;
    else result.push_back(part);
  }
  return result;
}

// The same, with no larger gaps than it takes.
std::vector<PageRange> few(std::span<const PageRange> used, const std::vector<PageRange>& parts, std::size_t most) {
  std::vector<PageRange> result = joined(used, parts, 0);
  for (std::size_t gap = os::kPageBytes; result.size() > most; gap *= 2) result = joined(used, parts, gap);
  return result;
}

struct WrittenRanges {
  std::vector<PageRange> used, written;
};

// What the heap uses, and what of that has memory, or may have.
WrittenRanges list_written(const Heap& heap) {
  WrittenRanges ranges;
  std::size_t bytes = 0;
  heap.used_ranges([&](std::uintptr_t address, std::size_t range) {
    ranges.used.push_back({address, range});
    bytes += range;
  });
  os::WrittenPages pages;
  const bool worth_asking = bytes >= kLargeHeap && pages.open() == 0;
  for (const PageRange& range : ranges.used)
    if (!worth_asking || !list_own(pages, range, ranges.written)) ranges.written.push_back(range);
  return ranges;
}

}  // namespace

void copied_ranges(const Image& image, std::vector<format::CoreRange>& ranges) {
  std::vector<PageRange> copied;
  for (const PageRange& range : image.ranges()) image.list_copied(range, copied);
  for (const PageRange& part : few(image.ranges(), copied, kMostLoads / 2))
    ranges.push_back({part.address, part.bytes, PF_R | PF_W, image.at(part.address)});
  omit_zero_pages(ranges);
}

void live_ranges(const Heap& heap, std::vector<format::CoreRange>& ranges) {
  const auto [used, written] = list_written(heap);
  for (const PageRange& part : few(used, written, kMostLoads / 2))
    ranges.push_back({part.address, part.bytes, PF_R | PF_W, reinterpret_cast<const std::byte*>(part.address)});
  omit_zero_pages(ranges);
}

std::vector<PageRange> saved_ranges(const Heap& heap) {
  std::vector<PageRange> kept;
  for (const PageRange& part : list_written(heap).written)
    for (std::uintptr_t page = part.address; page != part.address + part.bytes; page += os::kPageBytes) {
      if (heap.is_in_inbox(page) || heap.is_free_page(page)) continue;
      if (!kept.empty() && kept.back().address + kept.back().bytes == page) kept.back().bytes += os::kPageBytes;
      else kept.push_back({page, os::kPageBytes});
    }
  return kept;
}

bool delta_ranges(const Image& image, const std::vector<PageRange>& changes, std::vector<format::CoreRange>& ranges) {
  const std::vector<PageRange> parts = few(image.ranges(), changes, kMostDeltaLoads);
  std::size_t bytes = 0;
  for (const PageRange& part : parts) bytes += part.bytes;
  if (bytes > image.bytes() / 2) return false;
  for (const PageRange& part : parts) ranges.push_back({part.address, part.bytes, PF_R | PF_W, image.at(part.address)});
  return true;
}

}  // namespace afterimage
