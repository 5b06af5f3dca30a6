#include "snapshot/precopy_engine.h"

#include <errno.h>
#include <time.h>

#include <algorithm>
#include <iterator>

#include "base/out_of_memory.h"
#include "os/pages.h"

namespace afterimage {

using Which = os::WrittenPages::Which;

namespace {

constexpr std::size_t kFewPages = 320;         // few enough for the pause: 0.2 ms; one more round interrupts the reactor for each page table
constexpr int kMostRounds = 16;                // one after the other
constexpr int kMostStrikes = 3;                // rounds that do not shrink by a quarter
constexpr std::size_t kPieceBytes = std::size_t{2} << 20;  // of one page table: what one interrupt of the reactor can arm
constexpr std::chrono::nanoseconds kWaitingForPage{500};  // for gaps between events: as long as its copy takes
constexpr std::size_t kPausePages = 2000;      // about 1 ms
constexpr std::size_t kShortRun = 64 * os::kPageBytes;  // of variables: is not watched; without memory: is copied as zeroes
constexpr std::size_t kMostHoles = 1 << 16;    // and what is more than these
constexpr long kRestNs = 20'000'000;           // before a longer pause is allowed

void wait_a_little() noexcept {
  const timespec time{0, kRestNs};
  nanosleep(&time, nullptr);
}

}  // namespace

int PrecopyEngine::probe() noexcept {
  if (const int error = userfault_.open(os::Userfault::Mode::asynchronous); error != 0) return error;
  return written_.open();
}

int PrecopyEngine::begin(const Heap& heap, Image& image) noexcept {
  heap_ = &heap;
  image_ = &image;
  pause_pages_ = kPausePages;
  pages_copied_ = pages_in_pause_ = 0;
  if (complete_) changes_.clear();  // those of one that was given up count for the next
  complete_ = false;
  changes_known_ = true;
  return 0;
}

SnapshotEngine::Progress PrecopyEngine::work(const std::atomic<bool>& cancelled) noexcept {
  Progress progress;
  if (finds_memory([&] { progress = copy_until_boundary(cancelled); })) return progress;
  owners_ = kNobody;  // what is armed may not be in the image
  return Progress::abandoned;
}

SnapshotEngine::Progress PrecopyEngine::copy_until_boundary(const std::atomic<bool>& cancelled) {
  rest_.reserve(pause_pages_);  // finish() must not need memory
  long_runs_.reserve(kMostHoles);
  holes_.reserve(kMostHoles);
  // Each time: the slot may have been given back and taken again.
  if (userfault_.watch(heap_->base(), heap_->slot_bytes()) != 0) return Progress::failed;
  variables_watched_ = watch_variables();
  if (image_->owners() != owners_) {
    disarm();  // what is armed is not in the image
    judged_bytes_ = 0;
  }
  owners_ = image_->owners();
  choose_pages();
  for (bool converged = false; !cancelled.load(std::memory_order_relaxed);) {
    if (!copy_until_little_is_left(cancelled, converged)) return Progress::failed;
    if (converged) return Progress::needs_boundary;
    wait_a_little();
    pause_pages_ *= 2;
    rest_.reserve(pause_pages_);
  }
  return Progress::abandoned;
}

// The kernel is several times as fast, and shuts the reactor out for as much shorter, if it has to look at one property of a page only.
// Where hardly any page has no memory, those that have none are armed and copied as well.
void PrecopyEngine::choose_pages() {
  image_->list_ranges(*heap_);
  const std::size_t bytes = image_->bytes();
  if (incremental_ && bytes <= judged_bytes_ + judged_bytes_ / 8) return;
  std::vector<PageRange> own;
  for (const PageRange& range : image_->ranges())
    if (!list_own(written_, range, own)) own.push_back(range);
  std::size_t own_bytes = 0;
  for (const PageRange& run : own) own_bytes += run.bytes;
  armed_pages_ = own_bytes >= bytes - bytes / 8 ? Which::written : Which::own_and_written;
  judged_bytes_ = bytes;
}

// False: the kernel refuses. The first round copies most, and has time to disturb nobody; then it counts how quickly a round is over,
// for what is written during the last one is left to the pause.
bool PrecopyEngine::copy_until_little_is_left(const std::atomic<bool>& cancelled, bool& converged) {
  std::size_t before = SIZE_MAX;
  for (int round = 0, strikes = 0; round < kMostRounds; ++round) {
    std::size_t pages = 0;
    if (!find_written(pages)) return false;
    converged = pages < kFewPages;
    if (converged) return true;
    if (pages > before / 4 * 3 && ++strikes == kMostStrikes) break;
    before = pages;
    EventGaps gaps(*heap_, kWaitingForPage * (round == 0 ? static_cast<std::int64_t>(pages) : 0));
    if (!copy_found(gaps, cancelled)) return false;
    if (cancelled.load(std::memory_order_relaxed)) return true;
  }
  // As many as now may be left again when the reactor comes to a boundary.
  converged = before <= pause_pages_ / 2;
  return true;
}

// False where they are few, and when the kernel refuses: then they are copied in the pause.
bool PrecopyEngine::watch_variables() noexcept {
  if (image_->variable_bytes() < kShortRun) return false;
  return std::ranges::all_of(image_->variables(), [&](const VariablePages& pages) { return userfault_.watch(pages.address, pages.bytes) == 0; });
}

// f(which, address, bytes) for all that belongs to the image; `which` of the heap. It may grow meanwhile: its top only rises, and is
// read once for each round. New pages count as written.
template <class F>
bool PrecopyEngine::for_all_ranges(Which which, F f) {
  image_->list_ranges(*heap_);
  return std::ranges::all_of(image_->ranges(), [&](const PageRange& range) { return f(which, range.address, range.bytes); }) &&
         (!variables_watched_ || std::ranges::all_of(image_->variables(), [&](const VariablePages& pages) {
           return f(Which::written, pages.address, pages.bytes);
         }));
}

// Only looks, which disturbs nobody: few pages are not worth arming, and neither are those around the written ones.
bool PrecopyEngine::find_written(std::size_t& pages) {
  pieces_.clear();
  return for_all_ranges(armed_pages_, [&](Which which, std::uintptr_t address, std::size_t bytes) {
    const std::size_t first = pieces_.size();
    return written_.scan(which, address, bytes, /*arm=*/false, [&](const os::PageRun& run) {
      pages += run.bytes() / os::kPageBytes;
      add_to_pieces({run.address(), run.bytes()}, first);
      return true;
    }) == 0;
  });
}

// Joins what lies in one piece; those before `first` are of another range.
void PrecopyEngine::add_to_pieces(const PageRange& run, std::size_t first) {
  for (std::uintptr_t at = run.address, end; at < run.address + run.bytes; at = end) {
    end = std::min<std::uintptr_t>(run.address + run.bytes, (at / kPieceBytes + 1) * kPieceBytes);
    if (pieces_.size() > first && pieces_.back().address / kPieceBytes == at / kPieceBytes) pieces_.back().bytes = end - pieces_.back().address;
    else pieces_.push_back({at, end - at});
  }
}

// False: the kernel refuses.
bool PrecopyEngine::copy_found(EventGaps& gaps, const std::atomic<bool>& cancelled) {
  for (const PageRange& piece : pieces_) {
    if (cancelled.load(std::memory_order_relaxed)) return true;
    gaps.wait_for_one();
    if (!copy_piece(piece)) return false;
  }
  return true;
}

bool PrecopyEngine::copy_piece(const PageRange& piece) {
  const Which which = image_->is_in_slot(piece.address) ? armed_pages_ : Which::written;
  return written_.scan(which, piece.address, piece.bytes, /*arm=*/true, [&](const os::PageRun& run) {
    image_->copy(run.address(), run.bytes());
    if (incremental_ && image_->is_in_slot(run.address())) changes_.push_back({run.address(), run.bytes()});
    pages_copied_ += run.bytes() / os::kPageBytes;
    return true;
  }) == 0;
}

// Looks before it copies: a pause longer than allowed is not begun. Nothing is armed here, so that the next round finds all
// of this again if it comes to that.
bool PrecopyEngine::finish() noexcept {
  rest_.clear();
  long_runs_.clear();
  holes_.clear();
  std::size_t pages = 0;
  const auto add_run = [&](const os::PageRun& run) {
    const bool is_long = run.bytes() >= kShortRun && image_->is_in_slot(run.address()) && long_runs_.size() < kMostHoles;
    if (is_long) long_runs_.push_back({run.address(), run.bytes()});
    return is_long || add_to_rest({run.address(), run.bytes()}, pages);
  };
  const bool scanned = for_all_ranges(Which::written, [&](Which which, std::uintptr_t address, std::size_t bytes) {
    return written_.scan(which, address, bytes, /*arm=*/false, add_run) == 0;
  });
  const auto add = [&](const PageRange& run) { return add_without_holes(run, pages); };
  if (!scanned || pages > pause_pages_ || !std::ranges::all_of(long_runs_, add)) {
    pause_pages_ *= 2;
    return false;
  }
  for (const PageRange& range : rest_) image_->copy(range.address, range.bytes);
  complete_ = true;
  pages_in_pause_ = pages;
  pages_copied_ += pages;
  return true;
}

// False when that is too much for the pause.
bool PrecopyEngine::add_to_rest(const PageRange& run, std::size_t& pages) noexcept {
  pages += run.bytes / os::kPageBytes;
  if (pages > pause_pages_) return false;
  rest_.push_back(run);
  return true;
}

bool PrecopyEngine::add_without_holes(const PageRange& run, std::size_t& pages) noexcept {
  std::uintptr_t done = run.address;
  const auto skip_to = [&](std::uintptr_t address) {
    if (address == done) return true;
    if (holes_.size() == kMostHoles) return add_to_rest({done, address - done}, pages);
    holes_.push_back({done, address - done});
    return true;
  };
  bool fits = true;
  const auto add = [&](const os::PageRun& own) {
    fits = skip_to(own.address()) && add_to_rest({own.address(), own.bytes()}, pages);
    done = own.end;
    return fits;
  };
  return written_.scan(Which::own, run.address, run.bytes, false, add) == 0 && fits && skip_to(run.address + run.bytes);
}

const std::vector<PageRange>* PrecopyEngine::changes() {
  if (!incremental_ || !changes_known_) return nullptr;
  std::ranges::copy_if(rest_, std::back_inserter(changes_), [&](const PageRange& range) { return image_->is_in_slot(range.address); });
  std::ranges::sort(changes_, {}, &PageRange::address);
  std::size_t last = 0;
  for (std::size_t i = 1; i < changes_.size(); ++i) {
    PageRange& before = changes_[last];
    const std::uintptr_t end = std::max(before.address + before.bytes, changes_[i].address + changes_[i].bytes);
    if (changes_[i].address <= before.address + before.bytes) before.bytes = end - before.address;
    else changes_[++last] = changes_[i];
  }
  if (!changes_.empty()) changes_.resize(last + 1);
  return &changes_;
}

void PrecopyEngine::end() noexcept {
  if (complete_) drop_holes();
  if (!incremental_) disarm();
}

// Mostly the image has nothing there.
void PrecopyEngine::drop_holes() noexcept {
  for (const PageRange& hole : holes_) {
    if (incremental_ && !finds_memory([&] { image_->list_copied(hole, changes_); })) changes_known_ = false;
    image_->copy_nothing(hole.address, hole.bytes);
  }
  holes_.clear();
}

// In steps: who changes the program's mappings would wait for a long one.
void PrecopyEngine::disarm() noexcept {
  constexpr std::size_t kStep = std::size_t{16} << 20;
  const auto release = [&](const auto& range) {
    for (std::size_t done = 0; done < range.bytes; done += kStep)
      (void)userfault_.release(range.address + done, std::min(kStep, range.bytes - done));
  };
  std::ranges::for_each(image_->ranges(), release);
  if (variables_watched_) std::ranges::for_each(image_->variables(), release);
}

}  // namespace afterimage
