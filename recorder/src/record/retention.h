// What may be deleted so that a recording stays within its bounds and can still be replayed.
//
// A generation is a full snapshot, the deltas that build on it, and all events from its position to the next full one. Whole generations are dropped, the oldest
// first, and never the newest complete one: whatever happens, there is a snapshot and every event since.
//
//     snap 0        snap 1000            snap 2000
//       |-- ev-1 --|-- ev-2 --|-- ev-3 --|-- ev-4 ...      dropping generation 0 frees snap 0 and ev-1, not ev-2 if it
//                                                          holds an event from 1000 on
#pragma once
#include <algorithm>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

namespace afterimage {

// 0: none. `ns`: a generation is kept until a newer one began that long ago.
struct Bounds {
  std::uint64_t bytes = 0, ns = 0;
};

// What comes between two snapshots: as much as is wanted (0: anything), but no more than a quarter of the bound, since nothing can go
// before there is a newer snapshot; and no less than `least`, however small the bound.
constexpr std::uint64_t most_between_snapshots(std::uint64_t wanted, std::uint64_t bound, std::uint64_t least) noexcept {
  const std::uint64_t most = wanted != 0 ? wanted : UINT64_MAX;
  return bound == 0 ? most : std::min(most, std::max(bound / 4, least));
}

class Retention {
 public:
  explicit Retention(Bounds bounds) : bounds_(bounds) {}

  // In the order of events. Thread-safe, as is the rest.
  void segment_begun(std::string path, std::uint64_t first_event, std::uint64_t bytes);
  // The snapshot is complete on disk. Returns the files to be deleted now, in this order.
  std::vector<std::string> snapshot_written(std::string path, std::uint64_t position, std::uint64_t bytes,
                                            std::uint64_t now_ns, bool is_full = true);
  std::uint64_t bytes() const;

 private:
  struct File {
    std::string path;
    std::uint64_t first;  // event or position
    std::uint64_t bytes;
    std::uint64_t time_ns;
    bool is_full;
  };

  bool oldest_generation_may_go(std::uint64_t now_ns) const;
  std::size_t oldest_generation() const;
  void drop_oldest_generation(std::vector<std::string>& paths);

  const Bounds bounds_;
  mutable std::mutex mutex_;
  std::deque<File> segments_, snapshots_;
  std::uint64_t bytes_ = 0;
};

}  // namespace afterimage
