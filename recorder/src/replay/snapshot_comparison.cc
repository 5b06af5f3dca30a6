#include "replay/snapshot_comparison.h"

#include <cstdio>
#include <cstring>

#include "os/pages.h"

namespace afterimage::replay {
namespace {

using os::kPageBytes;

os::AddressRange stack_of_this_process() {
  std::FILE* const maps = std::fopen("/proc/self/maps", "r");
  os::AddressRange stack;
  char line[512];
  while (maps != nullptr && std::fgets(line, sizeof line, maps) != nullptr) {
    unsigned long begin = 0, end = 0;
    if (std::strstr(line, "[stack]") != nullptr && std::sscanf(line, "%lx-%lx", &begin, &end) == 2) stack = {begin, end - begin};
  }
  if (maps != nullptr) std::fclose(maps);
  return stack;
}

class Comparison {
 public:
  Comparison(const Heap& heap, const Heap& recorded, const Relocation& relocation)
      : heap_(heap), recorded_(recorded.base()), relocation_(relocation), stack_(stack_of_this_process()) {}

  void compare(const os::AddressRange& offsets, bool holds_blocks) {
    holds_blocks_ = holds_blocks;
    for (std::uintptr_t page = offsets.address; page < offsets.address + offsets.bytes; page += kPageBytes)
      if (std::memcmp(memory(heap_.base() + page), memory(recorded_ + page), kPageBytes) != 0) compare_page(page);
  }
  SnapshotDifference result() && { return std::move(difference_); }

 private:
  static const void* memory(std::uintptr_t address) { return reinterpret_cast<const void*>(address); }

  void compare_page(std::uintptr_t page) {
    const std::uint64_t before = difference_.count;
    for (std::uintptr_t at = page; at < page + kPageBytes; at += sizeof(std::uint64_t)) {
      DifferentWord word{.address = heap_.base() + at, .recorded = 0, .replayed = 0};
      std::memcpy(&word.recorded, memory(recorded_ + at), sizeof word.recorded);
      std::memcpy(&word.replayed, memory(word.address), sizeof word.replayed);
      if (word.recorded != relocation_.as_recorded(word.replayed) && !are_stack_addresses(word)) add(word);
    }
    difference_.pages += difference_.count > before;
  }
  void add(const DifferentWord& word) {
    if (holds_blocks_ && !is_live(word.address)) {
      ++difference_.freed;
      return;
    }
    ++difference_.count;
    if (difference_.words.size() < SnapshotDifference::kMost) difference_.words.push_back(word);
  }
  bool is_live(std::uintptr_t address) const {
    Heap::Block block{};
    return heap_.locate(address, block) && block.live;
  }
  bool are_stack_addresses(const DifferentWord& word) const {
    constexpr std::uint64_t kLowest = std::uint64_t{1} << 32, kHighest = std::uint64_t{1} << 47;
    return word.replayed - stack_.address < stack_.bytes && word.recorded >= kLowest && word.recorded < kHighest;
  }

  const Heap& heap_;
  const std::uintptr_t recorded_;
  const Relocation relocation_;
  const os::AddressRange stack_;
  bool holds_blocks_ = false;
  SnapshotDifference difference_;
};

std::vector<os::AddressRange> used_offsets(const Heap& heap) {
  std::vector<os::AddressRange> ranges;
  heap.used_ranges([&](std::uintptr_t address, std::size_t bytes) { ranges.push_back({address - heap.base(), bytes}); });
  return ranges;
}

}  // namespace

SnapshotDifference compare_with_snapshot(const Heap& heap, const Heap& recorded, const Relocation& relocation) {
  Comparison comparison(heap, recorded, relocation);
  // A heap's ranges only grow at their ends: those of one contain the other's.
  const auto here = used_offsets(heap), there = used_offsets(recorded);
  const auto& ranges = here.back().bytes > there.back().bytes ? here : there;
  for (const os::AddressRange& range : ranges) comparison.compare(range, &range == &ranges.back());
  return std::move(comparison).result();
}

}  // namespace afterimage::replay
