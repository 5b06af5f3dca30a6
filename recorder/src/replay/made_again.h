// An event that was made in the reactor's heap (afterimage/made.h) is made again from the log: the same operations of the heap give the same
// addresses, and the contents of the memory are put there.
//
// Where the reactor has been moved, or the heap is not as it was, the memory may be elsewhere; then every aligned word of the contents that
// is an address in it counts as a pointer, and is shifted.
#pragma once
#include <cstdint>
#include <map>
#include <span>

#include "base/relocation.h"
#include "format/made.h"
#include "heap/heap.h"

namespace afterimage::replay {

class MadeAgain {
 public:
  // An event of so many bytes. Outside of all heaps.
  MadeAgain(const format::Made& made, Heap& heap, const Relocation& relocation, std::size_t bytes);

  // Null when the log names no memory of the heap.
  std::byte* event() const noexcept { return event_; }
  // Whether each block is where it was.
  bool same_places() const noexcept { return same_places_; }

 private:
  struct Place {
    std::uint64_t here, bytes;
  };
  void repeat(const HeapOperation& recorded);
  void fill(const format::MadeOperation& made);
  std::uint64_t here(std::uint64_t address) const;
  bool is_memory(std::uint64_t address, std::size_t bytes) const;

  Heap& heap_;
  const Relocation relocation_;
  std::map<std::uint64_t, Place> places_;  // by recorded address
  bool same_places_ = true;
  std::byte* event_ = nullptr;
};

}  // namespace afterimage::replay
