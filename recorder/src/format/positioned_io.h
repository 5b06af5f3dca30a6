// Whole reads and writes at a place in a file.
#pragma once
#include <cstddef>
#include <cstdint>

namespace afterimage::format {

// 0 or an errno.
[[nodiscard]] int write_at(int descriptor, const void* data, std::size_t bytes, std::uint64_t offset) noexcept;
// False when the file ends before, or cannot be read.
[[nodiscard]] bool read_at(int descriptor, void* data, std::size_t bytes, std::uint64_t offset) noexcept;

}  // namespace afterimage::format
