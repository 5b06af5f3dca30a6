// Compares the replayed reactor with a snapshot of the recorded one, word by word: what allocations and outputs do not show.
//
// Where a word of the replay points into its stack, and the recorded one was an address as well, nothing is said: stacks lie
// elsewhere in each process, and such pointers are left over from functions that have returned.
// Words of freed memory are counted apart; a program that reads them depends on them all the same.
#pragma once
#include <cstdint>
#include <vector>

#include "base/relocation.h"
#include "heap/heap.h"
#include "os/modules.h"

namespace afterimage::replay {

struct DifferentWord {
  std::uintptr_t address;
  std::uint64_t recorded, replayed;
};

struct SnapshotDifference {
  std::vector<DifferentWord> words;  // by address, at most kMost
  std::uint64_t count = 0;           // of all of them
  std::uint64_t pages = 0;           // they are in
  std::uint64_t freed = 0;           // words of freed memory that differ; not among the others

  static constexpr std::size_t kMost = 65'536;
};

// `recorded`: the slot as the snapshot has it, mapped somewhere else. Pointers into a heap that was moved count as equal to those
// that they were.
SnapshotDifference compare_with_snapshot(const Heap& heap, const Heap& recorded, const Relocation& relocation);

}  // namespace afterimage::replay
