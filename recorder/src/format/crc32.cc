#include "format/crc32.h"

#include <immintrin.h>

#include <array>
#include <bit>
#include <cstring>

namespace afterimage::format {
namespace {

// Slicing by 8: table[k][b] is the CRC of byte b followed by k zero bytes.
using Tables = std::array<std::array<std::uint32_t, 256>, 8>;

constexpr Tables make_tables() {
  Tables tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) != 0 ? (crc >> 1) ^ 0xEDB88320u : crc >> 1;
    tables[0][byte] = crc;
  }
  for (std::size_t k = 1; k < 8; ++k)
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t crc = tables[k - 1][byte];
      tables[k][byte] = tables[0][crc & 255] ^ (crc >> 8);
    }
  return tables;
}
constexpr Tables kTables = make_tables();

static_assert(std::endian::native == std::endian::little);

// `state` is the CRC before its final inversion.
std::uint32_t by_table(const std::byte* p, std::size_t left, std::uint32_t state) noexcept {
  for (; left >= 8; left -= 8, p += 8) {
    std::uint64_t word;
    std::memcpy(&word, p, 8);
    word ^= state;
    state = kTables[7][word & 255] ^ kTables[6][word >> 8 & 255] ^ kTables[5][word >> 16 & 255] ^
            kTables[4][word >> 24 & 255] ^ kTables[3][word >> 32 & 255] ^ kTables[2][word >> 40 & 255] ^
            kTables[1][word >> 48 & 255] ^ kTables[0][word >> 56];
  }
  for (; left > 0; --left, ++p) state = kTables[0][(state ^ static_cast<std::uint32_t>(*p)) & 255] ^ (state >> 8);
  return state;
}

// 64 bytes a step by carry-less multiplication, after Gopal et al., "Fast CRC Computation for Generic Polynomials Using
// PCLMULQDQ" (Intel, 2009), bit-reflected. The table does 1.7 GB/s, which shows beside a busy reactor; this does ten
// times that. The constants are x^n mod P for the distances over which a lane is folded.
constexpr std::size_t kLanesBytes = 64;

__attribute__((target("pclmul,sse4.1"))) __m128i fold(__m128i lane, __m128i constants, __m128i next) noexcept {
  const __m128i low = _mm_clmulepi64_si128(lane, constants, 0x00);
  const __m128i high = _mm_clmulepi64_si128(lane, constants, 0x11);
  return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

__attribute__((target("pclmul,sse4.1"))) __m128i load(const std::byte* p) noexcept {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
}

// `bytes` is a multiple of 16 and at least kLanesBytes.
__attribute__((target("pclmul,sse4.1"))) std::uint32_t by_multiplication(const std::byte* p, std::size_t bytes,
                                                                        std::uint32_t state) noexcept {
  const __m128i by_64 = _mm_set_epi64x(0x1c6e41596, 0x154442bd4);
  const __m128i by_16 = _mm_set_epi64x(0x0ccaa009e, 0x1751997d0);
  __m128i lanes[4];
  for (int i = 0; i < 4; ++i) lanes[i] = load(p + 16 * i);
  lanes[0] = _mm_xor_si128(lanes[0], _mm_cvtsi32_si128(static_cast<int>(state)));
  for (p += kLanesBytes, bytes -= kLanesBytes; bytes >= kLanesBytes; p += kLanesBytes, bytes -= kLanesBytes)
    for (int i = 0; i < 4; ++i) lanes[i] = fold(lanes[i], by_64, load(p + 16 * i));
  __m128i sum = lanes[0];
  for (int i = 1; i < 4; ++i) sum = fold(sum, by_16, lanes[i]);
  for (; bytes > 0; p += 16, bytes -= 16) sum = fold(sum, by_16, load(p));

  // What is left is 128 bits that have the same CRC as everything before.
  std::byte rest[16];
  _mm_storeu_si128(reinterpret_cast<__m128i*>(rest), sum);
  return by_table(rest, sizeof rest, 0);
}

}  // namespace

std::uint32_t crc32(std::span<const std::byte> bytes, std::uint32_t crc) noexcept {
  std::uint32_t state = ~crc;
  const std::byte* p = bytes.data();
  std::size_t left = bytes.size();
  static const bool can_multiply = __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1");
  if (can_multiply && left >= kLanesBytes) {
    const std::size_t whole = left & ~std::size_t{15};
    state = by_multiplication(p, whole, state);
    p += whole;
    left -= whole;
  }
  return ~by_table(p, left, state);
}

}  // namespace afterimage::format
