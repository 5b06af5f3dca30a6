#include "replay/relocator.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/bits.h"
#include "heap/slots.h"
#include "replay/traversal_run.h"
#include "replay/word_scan.h"

namespace afterimage::replay {
namespace {

constexpr std::size_t kWordBytes = sizeof(std::uint64_t);

void make_unreadable(std::uintptr_t begin, std::uintptr_t end) {
  constexpr int kReserved = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE;
  if (begin < end) (void)mmap(reinterpret_cast<void*>(begin), end - begin, PROT_NONE, kReserved, -1, 0);
}

// Around what is in it: nothing else may come to be where stale pointers lead.
void make_rest_unreadable(std::uintptr_t base, std::size_t bytes) {
  std::vector<std::pair<std::uintptr_t, std::uintptr_t>> taken;
  std::FILE* const maps = std::fopen("/proc/self/maps", "re");
  char line[512];
  while (maps != nullptr && std::fgets(line, sizeof line, maps) != nullptr) {
    unsigned long begin = 0, end = 0;
    if (std::sscanf(line, "%lx-%lx", &begin, &end) == 2 && end > base && begin < base + bytes) taken.emplace_back(begin, end);
  }
  if (maps != nullptr) std::fclose(maps);
  std::uintptr_t at = base;
  for (const auto& [begin, end] : taken) {
    make_unreadable(at, begin);
    at = std::max<std::uintptr_t>(at, end);
  }
  make_unreadable(at, base + bytes);
}

}  // namespace

// From the end of the zone: its beginning has the slots of the recording's other reactors, and what points there must not come to
// point into this one. In steps of 1 TiB, so that only the sixth byte of an address changes: where a short text has overwritten the
// first ones of a pointer, what is left of that still says which slot it was.
Heap* Relocator::move_out_of(std::uintptr_t base, std::size_t bytes, int& error) {
  constexpr std::uintptr_t kStep = std::uintptr_t{1} << 40;
  const std::uintptr_t zone = base < kSmallZone ? kLargeZone : kSmallZone;
  const std::uintptr_t end = base < kSmallZone ? kSmallZone : kZonesEnd;
  Heap* heap = nullptr;
  error = ENOSPC;
  for (std::uintptr_t place = end + base % kStep; heap == nullptr && place >= zone + kStep;) {
    place -= kStep;
    heap = Heap::reserve_at(place, bytes, error);
    if (heap == nullptr && error != EEXIST) return nullptr;
  }
  if (heap == nullptr) return nullptr;
  relocation_ = {.recorded = base, .here = heap->base(), .bytes = bytes};
  make_rest_unreadable(base, bytes);
  return heap;
}

void Relocator::relocate_heap(Heap& heap) {
  words_ = {};
  heap_ = &heap;
  heap.set_object(reinterpret_cast<void*>(relocation_.to_here(heap.object())));
  look_at_data();
  words_.heap += relocate(reinterpret_cast<std::uintptr_t>(heap.inbox()), Heap::kInboxBytes);
  words_.heap += relocate(reinterpret_cast<std::uintptr_t>(heap.large_inbox()), heap.large_inbox_bytes());
  if (traverse_ == nullptr) words_.heap += relocate(data_, data_end_ - data_);
  else TraversalRun(*this, heap, words_).run(traverse_);
}

// The heap's own records have offsets only.
void Relocator::look_at_data() noexcept {
  data_ = heap_->data_begin();
  data_end_ = heap_->data_end();
}

void Relocator::relocate_payload(std::byte* payload, std::size_t bytes) {
  look_at_data();
  relocate(reinterpret_cast<std::uintptr_t>(payload), bytes);
}

std::vector<std::byte> Relocator::relocated_thread_state(std::span<const std::byte> bytes) {
  look_at_data();
  std::vector<std::byte> copy(bytes.begin(), bytes.end());  // words of variables are words in here
  words_.thread += relocate(reinterpret_cast<std::uintptr_t>(copy.data()), copy.size());
  return copy;
}

std::vector<std::byte> Relocator::as_recorded(std::span<const std::byte> bytes) const {
  std::vector<std::byte> copy(bytes.begin(), bytes.end());
  for (std::size_t at = 0; at + kWordBytes <= copy.size(); at += kWordBytes) {
    std::uint64_t word;
    std::memcpy(&word, copy.data() + at, sizeof word);
    word = relocation_.as_recorded(word);
    std::memcpy(copy.data() + at, &word, sizeof word);
  }
  return copy;
}

std::uint64_t Relocator::relocate(std::uintptr_t address, std::size_t bytes) {
  const std::uintptr_t begin = align_up(address, kWordBytes), end = align_down(address + bytes, kWordBytes);
  if (begin >= end) return 0;
  std::uint64_t shifted = 0;
  const std::span words(reinterpret_cast<std::uint64_t*>(begin), (end - begin) / kWordBytes);
  for_words_in(words, {relocation_.recorded, relocation_.bytes}, [&](std::uint64_t& word) {
    const std::uintptr_t here = relocation_.to_here(word);
    if (!is_memory(here)) {
      ++words_.left;
      return;
    }
    word = here;
    ++shifted;
    Heap::Block block{};
    words_.dangling += here < data_end_ && here >= data_ && !(heap_->locate(here, block) && block.live);
  });
  return shifted;
}

// Or one past it: where a vector ends.
bool Relocator::is_memory(std::uintptr_t address) const noexcept {
  return (address >= data_ && address <= data_end_) || heap_->is_in_inbox(address);
}

}  // namespace afterimage::replay
