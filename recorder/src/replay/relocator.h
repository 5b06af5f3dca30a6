// Another place for the reactor's memory, when its recorded one is taken: everything that points into the slot is shifted.
//
// Nothing says which words are pointers, so every aligned word counts as one whose value is an address in memory that the heap has
// handed out, or in the inbox. Freed blocks count, too, as what is pointed to and as what points: a program that uses memory after it
// was freed must do so here as well. What cannot be found that way are addresses that are not stored as they are (compressed,
// combined with flags or a key, hashed, at odd places), and what can be mistaken for one are numbers of such a size.
//
// A reactor that shows its pointers (afterimage/traverse.h) is walked instead, which does not mistake anything; variables, threads and
// events are searched all the same.
//
// The old range stays empty: a pointer that was missed faults there, instead of reading something else.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "afterimage/event_type.h"
#include "base/relocation.h"
#include "heap/heap.h"

namespace afterimage::replay {

struct RelocatedWords {
  std::uint64_t heap = 0, variables = 0, thread = 0;  // where those were that have been shifted
  std::uint64_t dangling = 0;                         // of them, how many point to freed memory
  std::uint64_t left = 0;                             // in the slot, but not in memory that was handed out: not shifted

  // Of a walk.
  std::uint64_t unreached = 0;             // live blocks that nothing led to
  std::vector<std::string> searched;       // types that say nothing about themselves
  std::vector<std::string> hashed_by_address;
};

class Relocator {
 public:
  // Another slot of the same size instead of the one at `base`. Null with an errno when there is none.
  Heap* move_out_of(std::uintptr_t base, std::size_t bytes, int& error);

  const Relocation& relocation() const noexcept { return relocation_; }
  // The reactor is to be walked. Null: its memory is to be searched.
  void walk_by(detail::RegisteredTraversal::Traverse traverse) noexcept { traverse_ = traverse; }
  bool walks() const noexcept { return traverse_ != nullptr; }
  explicit operator bool() const noexcept { return static_cast<bool>(relocation_); }
  // Of the last restore.
  const RelocatedWords& words() const noexcept { return words_; }

  // The heap is as it was recorded, at its new place.
  void relocate_heap(Heap& heap);
  void relocate_variables(std::uintptr_t address, std::size_t bytes) { words_.variables += relocate(address, bytes); }
  // A copy of what ThreadState has taken.
  std::vector<std::byte> relocated_thread_state(std::span<const std::byte> bytes);
  // Of an event in the inbox.
  void relocate_payload(std::byte* payload, std::size_t bytes);
  // What leaves the reactor, as it was when recorded.
  std::vector<std::byte> as_recorded(std::span<const std::byte> bytes) const;

  // The number of words that were shifted.
  std::uint64_t relocate(std::uintptr_t address, std::size_t bytes);

 private:
  void look_at_data() noexcept;  // which grows from event to event
  bool is_memory(std::uintptr_t address) const noexcept;

  detail::RegisteredTraversal::Traverse traverse_ = nullptr;
  Relocation relocation_;
  RelocatedWords words_;
  const Heap* heap_ = nullptr;
  std::uintptr_t data_ = 0, data_end_ = 0;  // what the heap has handed out at some time
};

}  // namespace afterimage::replay
