// Which pages differ between two states of the same memory, as runs of consecutive pages.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace afterimage {

struct PageRun {
  std::size_t first;  // page number
  std::size_t count;
};

// Both spans have the same size; a last, partial page counts as one.
std::vector<PageRun> find_page_differences(std::span<const std::byte> a, std::span<const std::byte> b, std::size_t page_bytes);

}  // namespace afterimage
