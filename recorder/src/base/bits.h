// base/bits.h: arithmetic on powers of two and on bitmaps of 64-bit words.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace afterimage {

constexpr bool is_power_of_two(std::size_t value) noexcept { return std::has_single_bit(value); }

// `alignment` is a power of two.
template <typename T>
constexpr T align_up(T value, T alignment) noexcept {
  return static_cast<T>((value + alignment - 1) & ~(alignment - 1));
}
template <typename T>
constexpr T align_down(T value, T alignment) noexcept {
  return static_cast<T>(value & ~(alignment - 1));
}

inline bool bit_at(const std::uint64_t* map, std::uint32_t index) noexcept {
  return (map[index >> 6] >> (index & 63) & 1) != 0;
}

inline void set_bits(std::uint64_t* map, std::uint32_t first, std::uint32_t count, bool value) noexcept {
  while (count != 0) {
    const std::uint32_t shift = first & 63;
    const std::uint32_t here = count < 64 - shift ? count : 64 - shift;
    const std::uint64_t mask = (here == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << here) - 1) << shift;
    map[first >> 6] = value ? map[first >> 6] | mask : map[first >> 6] & ~mask;
    first += here;
    count -= here;
  }
}

// The first index in [from, limit) whose bit is `value`, or `limit`.
inline std::uint32_t find_bit(const std::uint64_t* map, std::uint32_t from, std::uint32_t limit, bool value) noexcept {
  while (from < limit) {
    const std::uint64_t word = (value ? map[from >> 6] : ~map[from >> 6]) >> (from & 63);
    if (word != 0) {
      const std::uint32_t found = from + static_cast<std::uint32_t>(std::countr_zero(word));
      return found < limit ? found : limit;
    }
    from = (from | 63) + 1;
  }
  return limit;
}

// The last set bit at or before `from`. There must be one.
inline std::uint32_t last_set_bit(const std::uint64_t* map, std::uint32_t from) noexcept {
  std::uint64_t word = map[from >> 6] << (63 - (from & 63));
  if (word != 0) return from - static_cast<std::uint32_t>(std::countl_zero(word));
  std::uint32_t index = from >> 6;
  do word = map[--index]; while (word == 0);
  return (index << 6) + 63 - static_cast<std::uint32_t>(std::countl_zero(word));
}

}  // namespace afterimage
