// Places on the way to which a replay can return, kept in memory while it runs, so that going back does not take as long as
// coming from the last snapshot did.
//
// A checkpoint is a list of pages: all that the replay has made its own, by writing, since a snapshot was mapped. Only what changed
// since the checkpoint before is copied; the rest is shared. So a list is long, but copies are few, and going from one
// place to another means to copy the pages in which the lists differ and those written since. When there is no more room, the
// checkpoint goes that is missed least: the one between the nearest neighbours.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "os/modules.h"
#include "replay/changed_pages.h"
#include "replay/page_store.h"

namespace afterimage::replay {

// In one word: there may be millions.
class KeptPage {
 public:
  KeptPage(std::uint64_t number, std::uint32_t copy) noexcept : bits_(number << kCopyBits | copy) {}
  std::uint64_t number() const noexcept { return bits_ >> kCopyBits; }  // address / page size
  std::uint32_t copy() const noexcept { return static_cast<std::uint32_t>(bits_ & ((1u << kCopyBits) - 1)); }

  static constexpr unsigned kCopyBits = 24;

 private:
  std::uint64_t bits_;
};

class Checkpoints {
 public:
  struct Checkpoint {
    std::uint64_t position;
    const void* base;  // what was mapped below
    std::vector<KeptPage> pages;
    std::vector<std::byte> thread_state;
    std::string locale;
  };

  // Of these ranges of private memory. Without a kernel that finds changed pages there are none.
  void open(std::span<const os::AddressRange> ranges);

  // A place where one could be: if the last one is long enough ago, compared with what it costs.
  void pass(std::uint64_t position);
  // A place where one will want to return to: if it has taken a while to come here.
  void arrive(std::uint64_t position);

  // The newest at or before a position; null when there is none.
  const Checkpoint* before(std::uint64_t position) const;
  // The memory below must be the checkpoint's `base`. False when it cannot be done.
  bool restore(const Checkpoint& checkpoint);
  // All memory is now that of `base`, and what is written from here on is to be kept; also thread-local variables of these modules.
  void memory_replaced(const void* base, std::vector<std::uintptr_t> thread_local_modules);

 private:
  void take(std::uint64_t position);
  bool keep_changed(Checkpoint& checkpoint);
  bool is_as(std::uint32_t copy, std::uint64_t number) const;
  std::span<const KeptPage> pages_behind(const Checkpoint& checkpoint) const;
  bool make_room(std::size_t copies, std::size_t listed);
  bool drop_one();
  void stand_at(const Checkpoint& checkpoint);
  void release(std::vector<KeptPage>& pages);

  ChangedPages changed_;
  PageStore store_;
  std::vector<Checkpoint> checkpoints_;  // by position
  std::size_t listed_ = 0;               // pages in all lists
  const void* base_ = nullptr;
  std::vector<std::uintptr_t> thread_local_modules_;
  std::vector<KeptPage> present_;      // memory, but for what was written since
  std::vector<std::uint64_t> found_;  // what was
  std::uint64_t last_ms_ = 0, cost_ms_ = 0;
};

}  // namespace afterimage::replay
