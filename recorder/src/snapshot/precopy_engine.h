// `precopy`: pages are copied while the reactor runs, and again when it has written them since.
//
// The kernel notes which pages are written (userfaultfd WP_ASYNC, PAGEMAP_SCAN; Linux 6.7, any user). Each round finds the
// written pages, arms them between two events (event_gaps.h), and copies them; a page that is written meanwhile belongs to the
// next round. When few are left, the reactor's thread copies these between two events: that is the pause, and the snapshot's
// instant. No signal handler, no protected page: system calls, other handlers, debuggers and fork() see nothing of it.
//
// The program's variables are pages like those of the heap: written by whatever thread, and copied the same way. Few of them are
// left to the pause as a whole.
//
// Pages without memory, which nobody has written yet, are not armed, and not copied. Those that the program has given back (MADV_DONTNEED) are
// noticed in the pause, and leave the image behind it.
//
// If the reactor writes faster than the rounds copy, the worker waits and then allows a longer pause: 1 ms, 2 ms, 4 ms ...
#pragma once
#include <cstddef>
#include <vector>

#include "os/write_tracking.h"
#include "snapshot/engine.h"
#include "snapshot/event_gaps.h"

namespace afterimage {

class PrecopyEngine : public SnapshotEngine {
 public:
  // Incremental: pages stay armed from one snapshot to the next, which then begins with what is left of this one. Costs
  // 1.4 us at the first write to a page between two snapshots, at all times.
  explicit PrecopyEngine(bool incremental = false) noexcept : incremental_(incremental) {}

  const char* name() const noexcept override { return "precopy"; }
  bool finishes_at_boundary() const noexcept override { return true; }
  int probe() noexcept override;
  int begin(const Heap& heap, Image& image) noexcept override;
  Progress work(const std::atomic<bool>& cancelled) noexcept override;
  bool finish() noexcept override;
  bool has_variables() const noexcept override { return variables_watched_; }
  const std::vector<PageRange>* changes() override;
  void end() noexcept override;

  // Of the last snapshot.
  std::size_t pages_copied() const noexcept { return pages_copied_; }
  std::size_t pages_in_pause() const noexcept { return pages_in_pause_; }

 private:
  Progress copy_until_boundary(const std::atomic<bool>& cancelled);
  bool watch_variables() noexcept;
  template <class F>
  bool for_all_ranges(os::WrittenPages::Which which, F f);
  void choose_pages();
  bool add_to_rest(const PageRange& run, std::size_t& pages) noexcept;
  bool add_without_holes(const PageRange& run, std::size_t& pages) noexcept;
  void drop_holes() noexcept;
  bool find_written(std::size_t& pages);
  void add_to_pieces(const PageRange& run, std::size_t first);
  bool copy_found(EventGaps& gaps, const std::atomic<bool>& cancelled);
  bool copy_piece(const PageRange& piece);
  bool copy_until_little_is_left(const std::atomic<bool>& cancelled, bool& converged);
  void disarm() noexcept;

  const bool incremental_;
  os::Userfault userfault_;
  os::WrittenPages written_;
  const Heap* heap_ = nullptr;
  Image* image_ = nullptr;
  static constexpr std::uint64_t kNobody = 0;
  std::uint64_t owners_ = kNobody;  // of the image when it was last ours
  std::vector<PageRange> pieces_;  // in which pages were written
  std::vector<PageRange> rest_;
  std::vector<PageRange> long_runs_;  // of written pages, perhaps of pages without memory
  std::vector<PageRange> holes_;  // in the heap, at the instant: they have no memory
  std::vector<PageRange> changes_;  // since the last complete image
  os::WrittenPages::Which armed_pages_ = os::WrittenPages::Which::own_and_written;
  std::size_t judged_bytes_ = 0;  // of the heap, when that was chosen
  bool complete_ = false;
  bool changes_known_ = true;
  bool variables_watched_ = false;
  std::size_t pause_pages_ = 0;
  std::size_t pages_copied_ = 0, pages_in_pause_ = 0;
};

}  // namespace afterimage
