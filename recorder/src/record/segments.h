// Event segments as files: prepared ahead of their use, and sealed behind it, by one background thread.
//
// The reactor's thread takes a prepared segment with one atomic exchange and gives a full one back through a queue. It
// waits only when it writes faster than the file system can allocate, and if it wants to.
//
// With an interval, the same thread writes the segments in use, and the control file, to the disk so often.
#pragma once
#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "afterimage/status.h"
#include "format/mcap.h"
#include "os/memory_limit.h"

namespace afterimage {

struct Segment {
  std::uint64_t number = 0;
  std::string path;
  std::span<std::byte> memory;  // the mapped file
  format::Writer writer;
};

// The segments of one reactor. The first ones are small, and each is twice the one before: what a process that dies leaves
// allocated and unused is in proportion to what it has written. Where there are many reactors they begin smaller still: each has one segment in
// use and one ready, which are pages in memory, too.
class SegmentSource {
 public:
  SegmentSource(std::string directory, std::size_t segment_bytes, std::uint32_t reactor)
      : directory_(std::move(directory)), segment_bytes_(segment_bytes), next_bytes_(std::min(first_bytes(reactor), segment_bytes)) {}

  static constexpr std::size_t first_bytes(std::uint32_t reactor) noexcept { return reactor < 64 ? std::size_t{256} << 10 : std::size_t{16} << 10; }

 private:
  friend class SegmentKeeper;
  const std::string directory_;
  const std::size_t segment_bytes_;           // at most
  std::size_t next_bytes_;                    // guarded by the keeper's mutex: of the one that is ready, or will be next
  std::uint64_t next_number_ = 1;             // guarded by the keeper's mutex
  bool asked_ = false;                        // guarded by the keeper's mutex: a segment is wanted or being made
  Status failure_;                            // guarded by the keeper's mutex: why there is none
  std::atomic<Segment*> ready_{nullptr};
};

class SegmentKeeper {
 public:
  // 0: leaves it to the kernel when pages are written.
  explicit SegmentKeeper(std::chrono::milliseconds sync_interval = {});
  ~SegmentKeeper();  // finishes what was asked for

  // With an interval: this memory of a file, too, and before the segments: they have what it counts.
  void sync_first(std::span<std::byte> memory);

  // A zero-filled, mapped and prefaulted segment with room for at least `bytes`; and asks for the next one. Null with a reason in
  // `status` if the file cannot be made, or if none is ready (EAGAIN) and `wait` is false. One larger than usual is waited for.
  std::unique_ptr<Segment> take(SegmentSource& source, std::size_t bytes, bool wait, Status& status);
  // How often a reactor found none ready.
  std::uint64_t stalls() const noexcept { return stalls_.load(std::memory_order_relaxed); }
  // After take() has failed: whether it would succeed now. Asks for a segment otherwise.
  bool is_ready(SegmentSource& source);
  // Completes the segment's file in the background and unmaps it; here and now, where there is no memory to ask for that.
  void give_back(std::unique_ptr<Segment> segment) noexcept;
  // Returns when all that was given back of this directory is complete: then its files may go.
  void finish(const std::string& directory);
  // The reactor is gone: completes nothing more for it, removes what was prepared and not used.
  void forget(SegmentSource& source);

 private:
  std::unique_ptr<Segment> make(const SegmentSource& source, std::uint64_t number, std::size_t bytes, Status& status);
  void ask(SegmentSource& source);  // with the mutex held
  void begun(Segment& segment);
  void run();
  void prepare_one(std::unique_lock<std::mutex>& lock);
  void seal_one(std::unique_lock<std::mutex>& lock);
  void sync_in_use(std::unique_lock<std::mutex>& lock);

  using Clock = std::chrono::steady_clock;
  const std::chrono::milliseconds sync_interval_;
  const os::MemoryLimit memory_limit_;
  std::mutex mutex_;
  std::condition_variable work_, prepared_;
  std::deque<SegmentSource*> wanted_;
  std::deque<std::unique_ptr<Segment>> full_;
  std::vector<std::span<std::byte>> in_use_;  // only when they are to be synced; segments are unmapped by no thread but ours
  Clock::time_point next_sync_;
  SegmentSource* in_progress_ = nullptr;
  const Segment* sealing_ = nullptr;
  bool stopping_ = false;
  std::atomic<std::uint64_t> stalls_{0};
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace afterimage
