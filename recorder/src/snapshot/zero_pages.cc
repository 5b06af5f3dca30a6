#include "snapshot/zero_pages.h"

#include <cstring>

#include "os/pages.h"

namespace afterimage {
namespace {

constexpr std::size_t kShortestRun = 16 * os::kPageBytes;
constexpr std::size_t kMostLoads = 4096;  // each becomes a mapping of the replayer

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

}  // namespace afterimage
