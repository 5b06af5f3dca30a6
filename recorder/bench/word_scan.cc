// recorder/bench/word_scan.cc: how fast memory is searched for pointers into a slot, beside copying the same memory.
//
//     word_scan_bench [--smoke]     prints rows: id value unit
//
// 100 MB, of which no word, or one in 50, is an address in the slot; the median of eleven rounds, in which each way has its turn.
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <random>
#include <string_view>
#include <vector>

#include "replay/word_scan.h"

namespace {

using namespace afterimage::replay;

constexpr WordRange kSlot{0x4000'0000'0000, std::uint64_t{1} << 36};

double now_ns() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

std::vector<std::uint64_t> memory_with(std::size_t words, unsigned one_in) {
  std::mt19937_64 random(1);
  std::vector<std::uint64_t> memory(words);
  for (std::uint64_t& word : memory) word = one_in != 0 && random() % one_in == 0 ? kSlot.base + random() % kSlot.bytes : random() >> 20;
  return memory;
}

std::uint64_t search(FindWord find, const std::vector<std::uint64_t>& memory) {
  std::uint64_t found = 0;
  for (std::size_t at = find(memory, 0, kSlot); at < memory.size(); at = find(memory, at + 1, kSlot)) ++found;
  return found;
}

template <typename F>
double gb_per_second(std::size_t bytes, F f) {
  const double begun = now_ns();
  f();
  return static_cast<double>(bytes) / (now_ns() - begun);
}

struct Way {
  const char* id;
  std::vector<double> rounds;
};

void print(Way& way) {
  std::ranges::sort(way.rounds);
  std::printf("%s %.2f GB/s %zu\n", way.id, way.rounds[way.rounds.size() / 2], way.rounds.size());
}

}  // namespace

int main(int argc, char** argv) {
  const bool smoke = argc > 1 && std::string_view(argv[1]) == "--smoke";
  const std::size_t words = smoke ? 100'000 : 12'500'000, bytes = words * sizeof(std::uint64_t);
  const int rounds = smoke ? 1 : 11;
  const auto none = memory_with(words, 0), some = memory_with(words, 50);
  std::vector<std::uint64_t> copy(words);
  Way ways[] = {{"word_scan.memcpy", {}},
                {"word_scan.scalar.none", {}},
                {"word_scan.scalar.2_percent", {}},
                {"word_scan.avx2.none", {}},
                {"word_scan.avx2.2_percent", {}}};
  std::uint64_t found = 0;
  for (int round = 0; round < rounds; ++round) {
    ways[0].rounds.push_back(gb_per_second(bytes, [&] { std::memcpy(copy.data(), some.data(), bytes); }));
    const auto measure = [&](Way& way, FindWord find, const auto& memory) {
      way.rounds.push_back(gb_per_second(bytes, [&] { found += search(find, memory); }));
    };
    measure(ways[1], find_word_scalar, none);
    measure(ways[2], find_word_scalar, some);
    if (!has_avx2()) continue;
    measure(ways[3], find_word_avx2, none);
    measure(ways[4], find_word_avx2, some);
  }
  for (Way& way : ways)
    if (!way.rounds.empty()) print(way);
  return found > 0 ? 0 : 1;
}
