// Looking for pointers: the fast way finds what the plain one finds.
#include "replay/word_scan.h"

#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "check.h"

namespace {

using namespace afterimage::replay;

constexpr WordRange kSlot{0x4000'0000'0000, std::uint64_t{1} << 36};

std::vector<std::size_t> found_by(FindWord find, std::span<const std::uint64_t> words) {
  std::vector<std::size_t> found;
  for (std::size_t at = find(words, 0, kSlot); at < words.size(); at = find(words, at + 1, kSlot)) found.push_back(at);
  return found;
}

std::uint64_t word_of_kind(unsigned kind, std::uint64_t random) {
  switch (kind) {
    case 0: return kSlot.base + random % kSlot.bytes;
    case 1: return kSlot.base - 1 - random % 8;             // just below
    case 2: return kSlot.base + kSlot.bytes + random % 8;   // just behind
    case 3: return kSlot.base | random << 48;               // with a tag
    case 4: return kSlot.base;
    case 5: return kSlot.base + kSlot.bytes - 1;
    default: return random;
  }
}

void finds_the_same_words(std::size_t count, unsigned pointers_in_100) {
  std::mt19937_64 random(count * 101 + pointers_in_100);
  std::vector<std::uint64_t> words(count);
  std::vector<std::size_t> expected;
  for (std::size_t i = 0; i < count; ++i) {
    words[i] = random() % 100 < pointers_in_100 ? word_of_kind(static_cast<unsigned>(random() % 6), random()) : random() >> 20;
    if (words[i] >= kSlot.base && words[i] - kSlot.base < kSlot.bytes) expected.push_back(i);
  }
  CHECK(found_by(find_word_scalar, words) == expected);
  if (has_avx2()) CHECK(found_by(find_word_avx2, words) == expected);
}

void changes_what_it_is_given() {
  std::vector<std::uint64_t> words{1, kSlot.base + 8, 2, kSlot.base + 16};
  for_words_in(words, kSlot, [](std::uint64_t& word) { word = 0; });
  CHECK((words == std::vector<std::uint64_t>{1, 0, 2, 0}));
}

}  // namespace

int main() {
  for (std::size_t count = 0; count < 70; ++count)
    for (const unsigned pointers : {0u, 5u, 50u, 100u}) finds_the_same_words(count, pointers);
  finds_the_same_words(100'000, 2);
  changes_what_it_is_given();
}
