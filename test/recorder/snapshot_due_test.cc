// When snapshots are taken by themselves: by time, and so that the bounds of what is kept can be kept.
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>

#include "afterimage/recorder.h"
#include "check.h"
#include "format/control.h"
#include "temporary_directory.h"

using afterimage::Options;
using afterimage::Recorder;
using Clock = std::chrono::steady_clock;

namespace {

struct Kilobyte {
  std::uint64_t words[128];
};

struct Counter {
  std::uint64_t events = 0;
  void react(const Kilobyte& event) { events += event.words[0]; }
};

// Of the newest complete snapshot.
std::uint64_t position(const Recorder& recorder) {
  return afterimage::format::read_reactor_slot(recorder.path() + "/control", 0).snapshot_position;
}

bool first_is_kept(const Recorder& recorder) { return std::filesystem::exists(recorder.path() + "/r0/snap-000000000000.core"); }

std::uint64_t bytes_on_disk(const Recorder& recorder) {
  std::uint64_t bytes = 0;
  std::error_code gone;  // files go while they are counted
  for (const auto& entry : std::filesystem::directory_iterator(recorder.path() + "/r0")) {
    const std::uintmax_t size = entry.file_size(gone);
    if (!gone) bytes += size;
  }
  return bytes;
}

// What is waited for comes within the time of a hang, or not at all.
template <typename Condition>
void until(Condition&& holds) {
  const auto end = Clock::now() + std::chrono::minutes(1);
  while (!holds()) CHECK(Clock::now() < end);
}

void deliver(afterimage::Reactor<Counter>& counter, std::uint64_t events) {
  for (std::uint64_t i = 0; i < events; ++i) counter.deliver(Kilobyte{{1}});
}

void by_time(const std::string& directory) {
  auto recorder = Recorder::open({.directory = directory, .snapshot_log_bytes = 0, .snapshot_interval_ms = 20});
  auto counter = recorder.create<Counter>("counter");
  for (int snapshots = 0; snapshots < 3; ++snapshots) {
    const std::uint64_t before = position(recorder);
    until([&] {
      deliver(counter, 1);
      return position(recorder) > before;
    });
  }
  CHECK(first_is_kept(recorder));
}

void not_before_the_time(const std::string& directory) {
  auto recorder = Recorder::open({.directory = directory, .snapshot_log_bytes = 0, .snapshot_interval_ms = 1000u * 3600u});
  auto counter = recorder.create<Counter>("counter");
  deliver(counter, 4000);
  CHECK_EQUAL(position(recorder), 0u);
}

// Nobody asks for snapshots, and few events come.
void history_is_bounded_by_time(const std::string& directory) {
  auto recorder = Recorder::open({.directory = directory, .snapshot_log_bytes = 0, .keep_ms = 40});
  auto counter = recorder.create<Counter>("counter");
  until([&] {
    deliver(counter, 1);
    return !first_is_kept(recorder);
  });
  CHECK(recorder.status().ok());
}

// Less is to be kept than is written until the next snapshot is due by itself.
void disk_is_bounded(const std::string& directory) {
  constexpr std::uint64_t kKeep = std::uint64_t{8} << 20, kDue = kKeep / 4, kSegment = kKeep / 16;
  auto recorder = Recorder::open({.directory = directory, .keep_bytes = kKeep});
  auto counter = recorder.create<Counter>("counter");
  const std::uint64_t snapshot = std::filesystem::file_size(recorder.path() + "/r0/snap-000000000000.core");
  for (int round = 0; round < 12; ++round) {
    const std::uint64_t before = position(recorder);
    deliver(counter, kDue / sizeof(Kilobyte));
    auto asked = Clock::now();
    until([&] {
      // One that was due while another was written begins at the next event.
      if (Clock::now() - asked > std::chrono::milliseconds(100)) deliver(counter, 1), asked = Clock::now();
      return position(recorder) > before;
    });
    // When something went last, the snapshot before may have been the newest: two rounds ago. And two snapshots, two segments: that in use,
    // and the one that is ready.
    CHECK(bytes_on_disk(recorder) <= kKeep + 3 * kDue + 2 * snapshot + 2 * kSegment);
  }
  CHECK(!first_is_kept(recorder));
}

void nothing_is_due(const Options& options) {
  auto recorder = Recorder::open(options);
  auto counter = recorder.create<Counter>("counter");
  deliver(counter, 8000);
  CHECK_EQUAL(position(recorder), 0u);
  CHECK(first_is_kept(recorder) && std::filesystem::exists(recorder.path() + "/r0/ev-00000001.mcap"));
}

}  // namespace

int main() {
  const TemporaryDirectory directory("snapshot-due");
  by_time(directory.path());
  not_before_the_time(directory.path());
  history_is_bounded_by_time(directory.path());
  disk_is_bounded(directory.path());
  nothing_is_due({.directory = directory.path(), .snapshot_log_bytes = 0, .keep_bytes = 0});
  nothing_is_due({.directory = directory.path(), .keep_bytes = 1 << 20, .keep_ms = 1, .genesis = true});
}
