// Options::sync_interval_ms: what was delivered is written to the disk so often, and only then. Counted where the C library is called: this
// program's msync() and fsync() come before the C library's.
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

#include "afterimage/recorder.h"
#include "check.h"
#include "kills.h"

namespace {

std::mutex mutex;
std::condition_variable changed;
std::string last_event;   // guarded by mutex, as all of these
int syncs_with_it = 0;    // of memory that holds it
int syncs = 0;            // of all memory
std::set<std::string> synced_files;

struct Text {
  char text[32];
};

struct Counter {
  int events = 0;
  void react(const Text&) { ++events; }
};

Text event_of(int number) {
  Text event{};
  std::snprintf(event.text, sizeof event.text, "event %d of the sync test", number);
  return event;
}

void wait_until_synced(const Text& event) {
  std::unique_lock lock(mutex);
  last_event = event.text;
  syncs_with_it = 0;
  CHECK(changed.wait_for(lock, std::chrono::minutes(1), [] { return syncs_with_it > 0; }));  // a hang, not a measurement
}

std::string record(const std::string& directory, std::uint64_t interval_ms, int events) {
  auto recorder = afterimage::Recorder::open({.directory = directory, .sync_interval_ms = interval_ms, .snapshot_engine = "stop"});
  CHECK(recorder.status().ok());
  auto counter = recorder.create<Counter>("counter");
  for (int number = 0; number < events; ++number) {
    counter.deliver(event_of(number));
    if (interval_ms != 0) wait_until_synced(event_of(number));
  }
  return recorder.path();
}

}  // namespace

extern "C" int msync(void* address, std::size_t bytes, int flags) noexcept {
  {
    const std::lock_guard lock(mutex);
    ++syncs;
    const std::string_view memory(static_cast<const char*>(address), bytes);
    if ((flags & MS_SYNC) != 0 && !last_event.empty() && memory.find(last_event) != memory.npos) ++syncs_with_it;
  }
  changed.notify_all();
  return static_cast<int>(syscall(SYS_msync, address, bytes, flags));
}

extern "C" int fsync(int file) {
  {
    const std::lock_guard lock(mutex);
    synced_files.insert(std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(file)).string());
  }
  return static_cast<int>(syscall(SYS_fsync, file));
}

int main() {
  const TemporaryDirectory directory("sync");
  record(directory.path(), 0, 3);
  CHECK_EQUAL(syncs, 0);
  CHECK(synced_files.empty());

  const std::string recording = record(directory.path(), 1, 3);
  CHECK(syncs >= 3);
  CHECK(synced_files.contains(recording + "/r0/ev-00000001.mcap"));
  CHECK(synced_files.contains(recording + "/r0"));  // the file's name
  CHECK(synced_files.contains(recording + "/r0/snap-000000000000.core.tmp"));
}
