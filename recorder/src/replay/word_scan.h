// Finds, in much memory, the few words that may be pointers into a slot: their upper bits say so.
//
// Nearly all words are none, so the loop is for those: with AVX2, where the processor has it, 16 words are looked at together.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

namespace afterimage::replay {

// Words that lie in [base, base + bytes); `bytes` is a power of two, `base` a multiple of it.
struct WordRange {
  std::uint64_t base, bytes;
  bool contains(std::uint64_t word) const noexcept { return (word & ~(bytes - 1)) == base; }
};

// The index of the first such word at or behind `from`; words.size() when there is none.
using FindWord = std::size_t (*)(std::span<const std::uint64_t> words, std::size_t from, WordRange range) noexcept;

std::size_t find_word_scalar(std::span<const std::uint64_t> words, std::size_t from, WordRange range) noexcept;
std::size_t find_word_avx2(std::span<const std::uint64_t> words, std::size_t from, WordRange range) noexcept;
bool has_avx2() noexcept;

// f(std::uint64_t& word) for every such word in memory.
template <typename F>
void for_words_in(std::span<std::uint64_t> words, WordRange range, F&& f) {
  const FindWord find = has_avx2() ? find_word_avx2 : find_word_scalar;
  for (std::size_t at = find(words, 0, range); at < words.size(); at = find(words, at + 1, range)) f(words[at]);
}

}  // namespace afterimage::replay
