#include "record/retention.h"

#include <utility>

namespace afterimage {

void Retention::segment_begun(std::string path, std::uint64_t first_event, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  segments_.push_back({std::move(path), first_event, bytes, 0});
  bytes_ += bytes;
}

std::vector<std::string> Retention::snapshot_written(std::string path, std::uint64_t position, std::uint64_t bytes,
                                                     std::uint64_t now_ns) {
  const std::lock_guard lock(mutex_);
  snapshots_.push_back({std::move(path), position, bytes, now_ns});
  bytes_ += bytes;
  std::vector<std::string> paths;
  while (oldest_generation_may_go(now_ns)) drop_oldest_generation(paths);
  return paths;
}

std::uint64_t Retention::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

bool Retention::oldest_generation_may_go(std::uint64_t now_ns) const {
  if (snapshots_.size() < 2) return false;
  const bool too_much = max_bytes_ != 0 && bytes_ > max_bytes_;
  const bool too_old = keep_ns_ != 0 && now_ns > keep_ns_ && snapshots_[1].time_ns <= now_ns - keep_ns_;
  return too_much || too_old;
}

// The snapshot first: segments without one before them are still read, as events without state.
void Retention::drop_oldest_generation(std::vector<std::string>& paths) {
  const auto drop_front = [&](std::deque<File>& files) {
    bytes_ -= files.front().bytes;
    paths.push_back(std::move(files.front().path));
    files.pop_front();
  };
  drop_front(snapshots_);
  // A segment ends where the next one begins.
  while (segments_.size() > 1 && segments_[1].first <= snapshots_.front().first) drop_front(segments_);
}

}  // namespace afterimage
