// Which pages of a running snapshot are already copied.
//
// Two threads want every page: the copier, which walks all pages in order, and the reactor, which faults on a page it is
// about to write. Whoever claims a page copies it.
//
//     untouched --claim()--> copying --publish()--------------------------------> copied
//                               '--steal()--> stealing --stolen()--> stolen --publish()--^
//
// The reactor never waits for a copier, which may have lost its CPU in mid-copy: it *steals* the page, that is, it makes a
// copy of its own aside and goes on. The copier sees that when it publishes, and takes that copy instead of its torn one.
// So there is at most one stolen page at a time: the one the copier is at.
//
// Called from a signal handler: no allocation, no lock, no exception.
#pragma once
#include <sys/mman.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>

#include "os/pages.h"

namespace afterimage {

enum class PageState : std::uint8_t {
  outside,  // not part of the snapshot
  untouched,
  copying,           // by the copier
  copying_to_write,  // by a thread that is about to write it
  stealing,
  stolen,
  copied,
};

class PageClaims {
 public:
  PageClaims() = default;
  PageClaims(const PageClaims&) = delete;
  PageClaims& operator=(const PageClaims&) = delete;
  ~PageClaims() {
    if (states_ != nullptr) munmap(states_, capacity_);
  }

  // All pages of the slot are `outside` now. Costs addresses; memory only for pages that are added.
  [[nodiscard]] int reset(std::uintptr_t slot, std::size_t slot_bytes) noexcept {
    slot_ = slot;
    pages_ = slot_bytes / os::kPageBytes;
    if (capacity_ >= pages_) return madvise(states_, capacity_, MADV_DONTNEED) == 0 ? 0 : errno;
    if (states_ != nullptr) munmap(states_, capacity_);
    void* const memory = os::map_on_touch(nullptr, pages_, MAP_PRIVATE, os::Locked::never);  // it gives pages back
    states_ = memory == MAP_FAILED ? nullptr : static_cast<std::atomic<PageState>*>(memory);
    capacity_ = states_ != nullptr ? pages_ : 0;
    return states_ != nullptr ? 0 : errno;
  }
  void add(std::uintptr_t address, std::size_t bytes) noexcept {
    for (std::size_t i = 0; i < bytes / os::kPageBytes; ++i)
      states_[page_of(address) + i].store(PageState::untouched, std::memory_order_relaxed);
  }

  bool covers(std::uintptr_t address) const noexcept { return address - slot_ < pages_ * os::kPageBytes; }
  std::size_t pages() const noexcept { return pages_; }
  std::size_t page_of(std::uintptr_t address) const noexcept { return (address - slot_) / os::kPageBytes; }
  std::uintptr_t address_of(std::size_t page) const noexcept { return slot_ + page * os::kPageBytes; }
  PageState state(std::size_t page) const noexcept { return states_[page].load(std::memory_order_acquire); }

  // True for exactly one caller per page: the one that must copy it.
  [[nodiscard]] bool claim(std::size_t page, PageState as) noexcept { return change(page, PageState::untouched, as); }
  // By the copier. False: the page was stolen, take the copy that lies aside; then publish_stolen().
  [[nodiscard]] bool publish(std::size_t page) noexcept { return change(page, PageState::copying, PageState::copied); }
  void publish_stolen(std::size_t page) noexcept { states_[page].store(PageState::copied, std::memory_order_release); }
  void publish_to_write(std::size_t page) noexcept { states_[page].store(PageState::copied, std::memory_order_release); }
  // True for exactly one caller: it must copy the page aside, and then call stolen().
  [[nodiscard]] bool steal(std::size_t page) noexcept { return change(page, PageState::copying, PageState::stealing); }
  void stolen(std::size_t page) noexcept { states_[page].store(PageState::stolen, std::memory_order_release); }

 private:
  bool change(std::size_t page, PageState from, PageState to) noexcept {
    return states_[page].compare_exchange_strong(from, to, std::memory_order_acq_rel);
  }

  static_assert(std::atomic<PageState>::is_always_lock_free && sizeof(std::atomic<PageState>) == 1);
  std::atomic<PageState>* states_ = nullptr;
  std::size_t capacity_ = 0;
  std::uintptr_t slot_ = 0;
  std::size_t pages_ = 0;
};

}  // namespace afterimage
