#include "page_differences.h"

#include <algorithm>
#include <cstring>

namespace afterimage {

std::vector<PageRun> find_page_differences(std::span<const std::byte> a, std::span<const std::byte> b, std::size_t page_bytes) {
  std::vector<PageRun> runs;
  for (std::size_t at = 0, page = 0; at < a.size(); at += page_bytes, page++) {
    const auto bytes = std::min(page_bytes, a.size() - at);
    if (std::memcmp(a.data() + at, b.data() + at, bytes) == 0) continue;
    if (!runs.empty() && runs.back().first + runs.back().count == page) runs.back().count++;
    else runs.push_back({page, 1});
  }
  return runs;
}

}  // namespace afterimage
