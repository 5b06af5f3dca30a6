// A copy of one heap's pages, and of the program's variables, as they are at the snapshot's instant.
//
// The mirror is as large as the slot and laid out like it: the copy of address A is at A - slot + mirror. It costs addresses;
// memory only where pages were copied. It is kept from one snapshot to the next, because copying into fresh pages takes
// six to ten times as long as copying into known ones.
//
// Pages that the reactor never wrote have no memory, neither there nor here: a heap of 16 GB may hold one (a table that is filled
// as it is used). They are not copied, and not written to the file, where what is missing is zero.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "heap/heap.h"
#include "os/write_tracking.h"

namespace afterimage {

struct PageRange {
  std::uintptr_t address;
  std::size_t bytes;
};

// Pages outside of the slot, and where their copy is.
struct VariablePages {
  std::uintptr_t address;
  std::size_t bytes;
  std::byte* copy;
};

// Adds the runs of pages within a range of this process' memory that it has written. What lies between is zero in anonymous memory;
// short gaps may be in them. From `most` runs in all on, the last one goes on. False when that cannot be known: before Linux 6.7.
bool list_own(const os::WrittenPages& pages, PageRange within, std::vector<PageRange>& runs, std::size_t most = SIZE_MAX);

// Exported for the bench.
class AFTERIMAGE_API Image {
 public:
  enum class Sharing {
    this_process,        // children of the program do not have it
    copied_to_children,  // they have their own
    with_children,       // what they write is seen here
  };

  explicit Image(Sharing sharing);
  ~Image();
  Image(const Image&) = delete;
  Image& operator=(const Image&) = delete;

  // Makes room for the slot of `heap`. Returns 0 or an errno. What was copied for the same slot before is still there.
  [[nodiscard]] int attach(const Heap& heap) noexcept;
  // The slot's next heap is another one.
  void forget(const Heap& heap) noexcept {
    if (slot_ == heap.base()) slot_ = 0;
  }
  // How often the image went from one slot, or one list of variables, to another.
  std::uint64_t owners() const noexcept { return owners_; }

  // Lists what the heap uses now. Needs no memory.
  void list_ranges(const Heap& heap) noexcept;
  // At the instant: keeps of these what has memory now. The rest is zero, here as well. Needs no memory.
  void leave_out_unwritten() noexcept;
  const std::vector<PageRange>& ranges() const noexcept { return ranges_; }
  std::size_t bytes() const noexcept { return bytes_; }
  // Of them, those for which a copy takes memory that it has not taken before.
  std::size_t new_bytes() const noexcept { return bytes_ - std::min(bytes_, known_bytes_); }

  // The variables that belong to the snapshot. The list must stay until another one has been set.
  void set_variables(std::span<const VariablePages> variables) noexcept {
    if (variables.data() != variables_.data()) ++owners_;
    variables_ = variables;
  }
  std::span<const VariablePages> variables() const noexcept { return variables_; }
  std::size_t variable_bytes() const noexcept;
  bool is_in_slot(std::uintptr_t address) const noexcept { return address - slot_ < slot_bytes_; }

  std::byte* at(std::uintptr_t address) const noexcept {
    return is_in_slot(address) ? mirror_ + (address - slot_) : variable_at(address);
  }
  void will_be_copied() noexcept { known_bytes_ = std::max(known_bytes_, bytes_); }
  void copy(std::uintptr_t address, std::size_t bytes) const noexcept;

  // The pages here have no memory now, and are zero.
  void copy_nothing(std::uintptr_t address, std::size_t bytes) const noexcept;
  // Adds the runs of pages within a range of the slot that have memory in the mirror; what lies between is zero.
  void list_copied(PageRange within, std::vector<PageRange>& runs) const;

  std::uintptr_t slot() const noexcept { return slot_; }
  std::size_t slot_bytes() const noexcept { return slot_bytes_; }

 private:
  void want_huge_pages(std::uintptr_t address, std::size_t bytes) const noexcept;
  bool knows_mirror() const noexcept { return knows_pages_ && sharing_ != Sharing::with_children; }
  std::byte* variable_at(std::uintptr_t address) const noexcept;

  const Sharing sharing_;
  std::byte* mirror_ = nullptr;
  std::size_t mirror_bytes_ = 0;
  std::uintptr_t slot_ = 0;
  std::uint64_t owners_ = 0;
  std::size_t slot_bytes_ = 0;
  os::WrittenPages pages_;  // of the process
  bool knows_pages_ = false;
  std::vector<PageRange> ranges_, with_memory_;
  std::span<const VariablePages> variables_;
  std::size_t bytes_ = 0;
  std::size_t known_bytes_ = 0;
};

}  // namespace afterimage
