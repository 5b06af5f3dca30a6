#include "record/retention.h"

#include <utility>

namespace afterimage {

void Retention::segment_begun(std::string path, std::uint64_t first_event, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  segments_.push_back({std::move(path), first_event, bytes, 0, true});
  bytes_ += bytes;
}

std::vector<std::string> Retention::snapshot_written(std::string path, std::uint64_t position, std::uint64_t bytes,
                                                     std::uint64_t now_ns, bool is_full) {
  const std::lock_guard lock(mutex_);
  snapshots_.push_back({std::move(path), position, bytes, now_ns, is_full});
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
  const std::size_t next = oldest_generation();
  if (next == snapshots_.size()) return false;
  const bool too_much = bounds_.bytes != 0 && bytes_ > bounds_.bytes;
  const bool too_old = bounds_.ns != 0 && now_ns > bounds_.ns && snapshots_[next].time_ns <= now_ns - bounds_.ns;
  return too_much || too_old;
}

// How many snapshots it has.
std::size_t Retention::oldest_generation() const {
  std::size_t next = 1;
  while (next < snapshots_.size() && !snapshots_[next].is_full) ++next;
  return std::min(next, snapshots_.size());
}

// The snapshots first, and of these the newest, because it builds on the others: segments without one before them are still read, as events without state.
void Retention::drop_oldest_generation(std::vector<std::string>& paths) {
  const auto drop = [&](File& file) {
    bytes_ -= file.bytes;
    paths.push_back(std::move(file.path));
  };
  const std::size_t count = oldest_generation();
  for (std::size_t i = count; i-- > 0;) drop(snapshots_[i]);
  snapshots_.erase(snapshots_.begin(), snapshots_.begin() + static_cast<std::ptrdiff_t>(count));
  // A segment ends where the next one begins, and with inputs of that event.
  while (segments_.size() > 1 && segments_[1].first < snapshots_.front().first) {
    drop(segments_.front());
    segments_.pop_front();
  }
}

}  // namespace afterimage
