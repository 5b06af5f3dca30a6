#include "snapshot/written_ranges.h"

#include <elf.h>

#include <cstring>

#include "os/pages.h"

namespace afterimage {
namespace {

constexpr std::size_t kShortestRun = 16 * os::kPageBytes;
// Each becomes a mapping of the replayer.
constexpr std::size_t kMostLoads = 4096, kMostDeltaLoads = 1024;

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

}  // namespace

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

namespace {

// Joins neighbours no more than `gap` apart, but not across the ranges of the image: there is nothing between those.
std::vector<PageRange> joined(const Image& image, const std::vector<PageRange>& changes, std::size_t gap) {
  std::vector<PageRange> result;
  auto range = image.ranges().begin();
  for (const PageRange& change : changes) {
    while (range != image.ranges().end() && range->address + range->bytes <= change.address) ++range;
    if (range == image.ranges().end()) break;
    if (!result.empty() && result.back().address >= range->address && change.address - (result.back().address + result.back().bytes) <= gap)
      result.back().bytes = change.address + change.bytes - result.back().address;
    else result.push_back(change);
  }
  return result;
}

}  // namespace

bool delta_ranges(const Image& image, const std::vector<PageRange>& changes, std::vector<format::CoreRange>& ranges) {
  std::vector<PageRange> parts = joined(image, changes, 0);
  for (std::size_t gap = os::kPageBytes; parts.size() > kMostDeltaLoads; gap *= 2) parts = joined(image, changes, gap);
  std::size_t bytes = 0;
  for (const PageRange& part : parts) bytes += part.bytes;
  if (bytes > image.bytes() / 2) return false;
  for (const PageRange& part : parts) ranges.push_back({part.address, part.bytes, PF_R | PF_W, image.at(part.address)});
  return true;
}

}  // namespace afterimage
