#include "replay/checkpoints.h"

#include <sys/mman.h>
#include <time.h>

#include <algorithm>
#include <cstring>

#include "os/locale.h"
#include "os/pages.h"
#include "snapshot/thread_state.h"

namespace afterimage::replay {
namespace {

using os::kPageBytes;

constexpr std::size_t kStorePages = (std::size_t{512} << 20) / kPageBytes;
constexpr std::size_t kMostListed = std::size_t{8} << 20;  // 64 MB of lists
constexpr std::uint64_t kLeastApartMs = 8;
constexpr std::uint64_t kCostsApart = 3;  // taking them makes a replay slower by a third at most
constexpr std::uint64_t kNoPage = ~std::uint64_t{0};

std::byte* memory_of(std::uint64_t number) { return reinterpret_cast<std::byte*>(number * kPageBytes); }

// Lists are walked side by side, each by one of these.
class PagesInOrder {
 public:
  explicit PagesInOrder(std::span<const KeptPage> pages) : pages_(pages) {}
  std::uint64_t next() const { return pages_.empty() ? kNoPage : pages_.front().number(); }
  void skip_to(std::uint64_t number) {
    while (next() < number) pages_ = pages_.subspan(1);
  }
  // The page's copy, if it is the next one.
  std::uint32_t take(std::uint64_t number) {
    if (next() != number) return PageStore::kNone;
    const std::uint32_t copy = pages_.front().copy();
    pages_ = pages_.subspan(1);
    return copy;
  }

 private:
  std::span<const KeptPage> pages_;
};

class NumbersInOrder {
 public:
  explicit NumbersInOrder(std::span<const std::uint64_t> numbers) : numbers_(numbers) {}
  std::uint64_t next() const { return numbers_.empty() ? kNoPage : numbers_.front(); }
  bool take(std::uint64_t number) {
    if (next() != number) return false;
    numbers_ = numbers_.subspan(1);
    return true;
  }

 private:
  std::span<const std::uint64_t> numbers_;
};

// Gives pages back in runs: afterwards they are the mapped file's again.
class Drops {
 public:
  void add(std::uint64_t number) {
    if (number != end_) flush();
    if (begin_ == end_) begin_ = number;
    end_ = number + 1;
  }
  bool flush() {
    if (begin_ != end_ && madvise(memory_of(begin_), (end_ - begin_) * kPageBytes, MADV_DONTNEED) != 0) failed_ = true;
    begin_ = end_ = 0;
    return !failed_;
  }

 private:
  std::uint64_t begin_ = 0, end_ = 0;
  bool failed_ = false;
};

std::uint64_t milliseconds(clockid_t clock) {
  timespec now;
  clock_gettime(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1000 + static_cast<std::uint64_t>(now.tv_nsec) / 1'000'000;
}

std::uint64_t now_ms() { return milliseconds(CLOCK_MONOTONIC_COARSE); }
std::uint64_t work_ms() { return milliseconds(CLOCK_THREAD_CPUTIME_ID); }  // a busy machine does not count

}  // namespace

void Checkpoints::open(std::span<const os::AddressRange> ranges) {
  static_assert(kStorePages <= std::size_t{1} << KeptPage::kCopyBits);
  if (changed_.open(ranges) == 0) store_.open(kStorePages);
}

void Checkpoints::pass(std::uint64_t position) {
  if (store_.is_open() && now_ms() - last_ms_ >= std::max(kLeastApartMs, kCostsApart * cost_ms_)) take(position);
}

void Checkpoints::arrive(std::uint64_t position) {
  if (store_.is_open() && now_ms() - last_ms_ >= kLeastApartMs) take(position);
}

const Checkpoints::Checkpoint* Checkpoints::before(std::uint64_t position) const {
  const auto behind = std::ranges::upper_bound(checkpoints_, position, {}, &Checkpoint::position);
  return behind == checkpoints_.begin() ? nullptr : &*(behind - 1);
}

void Checkpoints::take(std::uint64_t position) {
  const std::uint64_t begun_ms = work_ms();
  const Checkpoint* const known = before(position);
  if (known != nullptr && known->position == position) return;
  last_ms_ = now_ms();
  if (!changed_.find(found_) || !make_room(found_.size(), present_.size() + found_.size())) return;
  ThreadState thread_state(thread_local_modules_);
  thread_state.take();
  Checkpoint checkpoint{.position = position,
                        .base = base_,
                        .pages = {},
                        .thread_state = {thread_state.bytes().begin(), thread_state.bytes().end()},
                        .locale = os::locale_names()};
  if (!keep_changed(checkpoint)) return release(checkpoint.pages);
  listed_ += checkpoint.pages.size();
  stand_at(checkpoint);
  checkpoints_.insert(std::ranges::upper_bound(checkpoints_, position, {}, &Checkpoint::position), std::move(checkpoint));
  last_ms_ = now_ms();
  cost_ms_ = work_ms() - begun_ms;
  last_ms_ = now_ms();
}

// The pages present, with copies of those found to have changed. False when the store is full.
//
// A page that is as the next checkpoint has it is shared with that one: where the replay has been before, it finds again what it
// has kept.
bool Checkpoints::keep_changed(Checkpoint& checkpoint) {
  PagesInOrder present(present_), known(pages_behind(checkpoint));
  NumbersInOrder found(found_);
  checkpoint.pages.reserve(present_.size() + found_.size());
  for (;;) {
    const std::uint64_t number = std::min(present.next(), found.next());
    if (number == kNoPage) return true;
    std::uint32_t copy = present.take(number);
    if (found.take(number) && !is_as(copy, number)) {
      known.skip_to(number);
      if (copy = known.take(number); !is_as(copy, number)) copy = PageStore::kNone;
    }
    if (copy != PageStore::kNone) store_.share(copy);
    else if ((copy = store_.keep(memory_of(number))) == PageStore::kNone) return false;
    checkpoint.pages.emplace_back(number, copy);
  }
}

bool Checkpoints::is_as(std::uint32_t copy, std::uint64_t number) const {
  return copy != PageStore::kNone && std::memcmp(store_.at(copy), memory_of(number), kPageBytes) == 0;
}

std::span<const KeptPage> Checkpoints::pages_behind(const Checkpoint& checkpoint) const {
  const auto behind = std::ranges::upper_bound(checkpoints_, checkpoint.position, {}, &Checkpoint::position);
  if (behind == checkpoints_.end() || behind->base != checkpoint.base) return {};
  return behind->pages;
}

bool Checkpoints::restore(const Checkpoint& checkpoint) {
  if (!changed_.find(found_) || !changed_.count_all()) return false;
  PagesInOrder present(present_), wanted(checkpoint.pages);
  NumbersInOrder found(found_);
  Drops drops;
  for (;;) {
    const std::uint64_t number = std::min({present.next(), wanted.next(), found.next()});
    if (number == kNoPage) break;
    const std::uint32_t copy = wanted.take(number);
    const bool was_same = present.take(number) == copy;
    if (!found.take(number) && was_same) continue;
    if (copy == PageStore::kNone) drops.add(number);
    else if (!was_same || !is_as(copy, number)) std::memcpy(memory_of(number), store_.at(copy), kPageBytes);
  }
  if (!drops.flush()) return false;
  stand_at(checkpoint);
  last_ms_ = now_ms();
  return true;
}

void Checkpoints::memory_replaced(const void* base, std::vector<std::uintptr_t> thread_local_modules) {
  base_ = base;
  thread_local_modules_ = std::move(thread_local_modules);
  release(present_);
  if (changed_.is_open() && !changed_.count_all()) store_.close();
  last_ms_ = now_ms();
}

// Memory is what the checkpoint says.
void Checkpoints::stand_at(const Checkpoint& checkpoint) {
  for (const KeptPage& page : checkpoint.pages) store_.share(page.copy());
  release(present_);
  present_ = checkpoint.pages;
  if (!changed_.forget()) release(present_);  // then all of it counts as changed
}

void Checkpoints::release(std::vector<KeptPage>& pages) {
  for (const KeptPage& page : pages) store_.release(page.copy());
  pages.clear();
}

bool Checkpoints::make_room(std::size_t copies, std::size_t listed) {
  if (copies > kStorePages || listed > kMostListed) return false;
  while (store_.room() < copies || listed_ + listed > kMostListed)
    if (!drop_one()) return false;
  return true;
}

// The one between the nearest neighbours; false when there is none.
bool Checkpoints::drop_one() {
  if (checkpoints_.empty()) return false;
  std::size_t least = 0;
  std::uint64_t least_distance = ~std::uint64_t{0};
  for (std::size_t i = 0; i < checkpoints_.size(); ++i) {
    const std::uint64_t position = checkpoints_[i].position;
    const std::uint64_t before = position - (i == 0 ? 0 : checkpoints_[i - 1].position);
    // Behind the last one there may come another as far away.
    const std::uint64_t behind = i + 1 < checkpoints_.size() ? checkpoints_[i + 1].position - position : before;
    if (before + behind >= least_distance) continue;
    least_distance = before + behind;
    least = i;
  }
  listed_ -= checkpoints_[least].pages.size();
  release(checkpoints_[least].pages);
  checkpoints_.erase(checkpoints_.begin() + static_cast<std::ptrdiff_t>(least));
  return true;
}

}  // namespace afterimage::replay
