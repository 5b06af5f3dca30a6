#include "replay/word_scan.h"

#include <immintrin.h>

namespace afterimage::replay {

bool has_avx2() noexcept {
  static const bool has = __builtin_cpu_supports("avx2") != 0;
  return has;
}

std::size_t find_word_scalar(std::span<const std::uint64_t> words, std::size_t from, WordRange range) noexcept {
  while (from < words.size() && !range.contains(words[from])) ++from;
  return from;
}

__attribute__((target("avx2"))) std::size_t find_word_avx2(std::span<const std::uint64_t> words, std::size_t from,
                                                           WordRange range) noexcept {
  constexpr std::size_t kWords = 16;  // in four registers: one test for all
  const __m256i mask = _mm256_set1_epi64x(static_cast<long long>(~(range.bytes - 1)));
  const __m256i base = _mm256_set1_epi64x(static_cast<long long>(range.base));
  for (; from + kWords <= words.size(); from += kWords) {
    const auto* const at = reinterpret_cast<const __m256i*>(words.data() + from);
    __m256i found[4];
    for (int i = 0; i < 4; ++i) found[i] = _mm256_cmpeq_epi64(_mm256_and_si256(_mm256_loadu_si256(at + i), mask), base);
    const __m256i any = _mm256_or_si256(_mm256_or_si256(found[0], found[1]), _mm256_or_si256(found[2], found[3]));
    if (!_mm256_testz_si256(any, any)) break;
  }
  return find_word_scalar(words, from, range);
}

}  // namespace afterimage::replay
