// heap/size_classes.h: which block sizes exist.
//
// 44 classes: 16 to 128 bytes in steps of 16, then four per doubling up to 64 KiB (waste below 25 %).
// Blocks of a class live in spans of neighbouring slices; what is larger gets slices of its own.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace afterimage {

inline constexpr unsigned kSliceShift = 16;
inline constexpr std::size_t kSliceBytes = std::size_t{1} << kSliceShift;
inline constexpr std::size_t kMaxSmallBytes = 64 * 1024;
inline constexpr unsigned kClasses = 44;

struct SizeClass {
  std::uint32_t bytes;       // of one block
  std::uint32_t slices;      // of one span
  std::uint32_t blocks;      // in one span
  std::uint64_t reciprocal;  // of `bytes`, scaled by 2^40: division by multiplication

  // Number of the block that contains `offset` bytes into its span (exact for offsets below 2^19).
  constexpr std::uint32_t block_at(std::uint32_t offset) const noexcept {
    return static_cast<std::uint32_t>((offset * reciprocal) >> 40);
  }
};

constexpr std::uint32_t class_bytes(unsigned size_class) noexcept {
  if (size_class < 8) return (size_class + 1) * 16;
  const unsigned doubling = (size_class - 8) / 4, quarter = (size_class - 8) % 4;
  return (128u << doubling) + (quarter + 1) * (32u << doubling);
}
static_assert(class_bytes(kClasses - 1) == kMaxSmallBytes);

inline constexpr auto kSizeClasses = [] {
  std::array<SizeClass, kClasses> table{};
  for (unsigned c = 0; c < kClasses; ++c) {
    const std::uint32_t bytes = class_bytes(c), slices = bytes <= 8192 ? 1 : 8;
    table[c] = {bytes, slices, static_cast<std::uint32_t>(slices * kSliceBytes / bytes),
                ((std::uint64_t{1} << 40) + bytes - 1) / bytes};
  }
  return table;
}();

inline constexpr std::size_t kMaxTabledBytes = 1024;

// Index = size rounded up to 16, divided by 16.
inline constexpr auto kClassOfSmallSize = [] {
  std::array<std::uint8_t, kMaxTabledBytes / 16 + 1> table{};
  for (unsigned i = 0, c = 0; i < table.size(); ++i) {
    while (class_bytes(c) < i * 16) ++c;
    table[i] = static_cast<std::uint8_t>(c);
  }
  return table;
}();

constexpr unsigned tabled_class_of(std::size_t bytes) noexcept { return kClassOfSmallSize[(bytes + 15) >> 4]; }

// bytes <= kMaxSmallBytes
constexpr unsigned class_of(std::size_t bytes) noexcept {
  if (bytes <= kMaxTabledBytes) return tabled_class_of(bytes);
  const unsigned width = static_cast<unsigned>(std::bit_width(bytes - 1));  // 2^(width-1) < bytes <= 2^width
  return 8 + (width - 8) * 4 + static_cast<unsigned>((bytes - 1) >> (width - 3)) - 4;
}
static_assert(class_of(1025) == 20 && class_bytes(20) == 1280 && class_of(kMaxSmallBytes) == kClasses - 1);

}  // namespace afterimage
