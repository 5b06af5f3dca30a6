// Options::sync_interval_ms: what was delivered is written to the disk so often, and only then; and all that a replay needs beside it.
// Seen where the C library is called: this program's msync() and fsync() come before the C library's, and keep account of what a power
// failure would leave.
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "afterimage/recorder.h"
#include "check.h"
#include "format/control.h"
#include "kills.h"

namespace {

using Inode = ino_t;

std::mutex mutex;
std::condition_variable changed;
std::string last_event;   // guarded by mutex, as all of these
int syncs_with_it = 0;    // of memory that holds it
int syncs = 0;            // of all memory and files
afterimage::format::Control control{};  // as it was synced last

// What a power failure leaves: contents of files, and names in directories.
struct Disk {
  std::map<Inode, std::uintmax_t> contents;  // so many bytes
  std::map<Inode, std::map<std::string, Inode>> names;
} disk;

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

void wait_until(auto&& holds) {
  std::unique_lock lock(mutex);
  CHECK(changed.wait_for(lock, std::chrono::minutes(1), holds));  // a hang, not a measurement
}

void wait_until_synced(const Text& event) {
  {
    const std::lock_guard lock(mutex);
    last_event = event.text;
    syncs_with_it = 0;
  }
  wait_until([] { return syncs_with_it > 0; });
}

Inode inode_of(const std::filesystem::path& path) {
  struct stat info {};
  CHECK(lstat(path.c_str(), &info) == 0);
  return info.st_ino;
}

bool has_name_on_disk(const std::filesystem::path& path) {
  const std::lock_guard lock(mutex);
  const auto names = disk.names.find(inode_of(path.parent_path()));
  if (names == disk.names.end()) return false;
  const auto found = names->second.find(path.filename());
  return found != names->second.end() && found->second == inode_of(path);
}

bool has_contents_on_disk(const std::filesystem::path& path) {
  const std::lock_guard lock(mutex);
  const auto found = disk.contents.find(inode_of(path));
  return found != disk.contents.end() && found->second == std::filesystem::file_size(path);
}

void check_is_on_disk(const std::filesystem::path& path) {
  const bool is_there = has_name_on_disk(path) && (std::filesystem::is_directory(path) || has_contents_on_disk(path));
  if (!is_there) std::fprintf(stderr, "%s would be lost\n", path.c_str());
  CHECK(is_there);
}

std::string record(const std::string& directory, std::uint64_t interval_ms, int events) {
  auto recorder = afterimage::Recorder::open(
      {.directory = directory, .sync_interval_ms = interval_ms, .snapshot_engine = "stop", .genesis = interval_ms != 0});
  CHECK(recorder.status().ok());
  auto counter = recorder.create<Counter>("counter");
  for (int number = 0; number < events; ++number) {
    counter.deliver(event_of(number));
    if (interval_ms != 0) wait_until_synced(event_of(number));
  }
  if (interval_ms == 0) return recorder.path();
  // While it lives. The next segment is being prepared, perhaps.
  wait_until([&] { return control.slots[0].finished == static_cast<std::uint64_t>(events); });
  const std::filesystem::path bundle = recorder.path();
  for (const char* const name : {"manifest.json", "control", "r0", "r0/reactor.json", "r0/ev-00000001.mcap", "r0/snap-000000000000.core",
                                 "r0/genesis"})
    check_is_on_disk(bundle / name);
  return bundle;
}

void note_names(Inode directory, const std::string& path) {
  auto& names = disk.names[directory];
  names.clear();
  for (const auto& entry : std::filesystem::directory_iterator(path)) {
    struct stat info {};
    if (lstat(entry.path().c_str(), &info) == 0) names[entry.path().filename()] = info.st_ino;
  }
}

Inode inode_of_memory(const void* address) {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    std::uint64_t first = 0, end = 0, inode = 0;
    if (std::sscanf(line.c_str(), "%lx-%lx %*s %*s %*s %lu", &first, &end, &inode) != 3) continue;
    const auto wanted = reinterpret_cast<std::uintptr_t>(address);
    if (first <= wanted && wanted < end) return inode;
  }
  return 0;  // of no file
}

}  // namespace

extern "C" int msync(void* address, std::size_t bytes, int flags) noexcept {
  const std::string_view memory(static_cast<const char*>(address), bytes);
  {
    const std::lock_guard lock(mutex);
    ++syncs;
    CHECK((flags & MS_SYNC) != 0);
    disk.contents[inode_of_memory(address)] = bytes;
    if (memory.starts_with({afterimage::format::kControlMagic, sizeof control.magic})) std::memcpy(&control, address, sizeof control);
    else if (!last_event.empty() && memory.find(last_event) != memory.npos) ++syncs_with_it;
  }
  changed.notify_all();
  return static_cast<int>(syscall(SYS_msync, address, bytes, flags));
}

extern "C" int fsync(int file) {
  struct stat info {};
  CHECK(fstat(file, &info) == 0);
  {
    const std::lock_guard lock(mutex);
    ++syncs;
    if (S_ISDIR(info.st_mode)) note_names(info.st_ino, "/proc/self/fd/" + std::to_string(file));
    else disk.contents[info.st_ino] = static_cast<std::uintmax_t>(info.st_size);
  }
  return static_cast<int>(syscall(SYS_fsync, file));
}

int main() {
  const TemporaryDirectory directory("sync");
  record(directory.path(), 0, 3);
  CHECK_EQUAL(syncs, 0);

  // In directories that the recorder makes.
  const std::filesystem::path recording = record(directory.file("new/recordings"), 1, 3);
  for (std::filesystem::path path = recording; path != directory.path(); path = path.parent_path()) check_is_on_disk(path);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(recording)) check_is_on_disk(entry.path());
  CHECK_EQUAL(control.state, afterimage::format::kClosed);
  CHECK_EQUAL(control.slots[0].finished, 3u);
}
