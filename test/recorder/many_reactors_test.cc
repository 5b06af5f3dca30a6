// Thousands of small reactors in one recording: what each takes is little, and threads and descriptors are no more than for one.
//
// AFTERIMAGE_REACTORS: how many (default: 300; a recording holds 4096, those beyond live unrecorded).
#include <dirent.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "afterimage/recorder.h"
#include "check.h"
#include "format/control.h"
#include "kills.h"

namespace {

using namespace afterimage;

constexpr std::uint64_t kFew = 64;

struct Tick {
  std::uint64_t number;
};

// A few KiB, as a session or a device has.
struct Device {
  std::vector<std::uint64_t> last;
  explicit Device(std::size_t size) : last(size) {}
  void react(const Tick& tick) { last[tick.number % last.size()] = tick.number; }
};

struct Usage {
  std::uint64_t memory_kib, shared_kib, mappings, descriptors, threads, disk_kib;
};

std::uint64_t status_number(const char* field) {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    std::uint64_t number = 0;
    if (word == field && status >> number) return number;
  }
  return 0;
}

std::uint64_t lines(const char* path) {
  std::ifstream file(path);
  return static_cast<std::uint64_t>(std::count(std::istreambuf_iterator<char>(file), {}, '\n'));
}

std::uint64_t disk_kib(const std::string& directory) {
  std::uint64_t bytes = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory))
    if (entry.is_regular_file()) bytes += entry.file_size();
  return bytes >> 10;
}

Usage usage(const std::string& directory) {
  const auto descriptors = std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
  return {.memory_kib = status_number("RssAnon:"), .shared_kib = status_number("RssFile:") + status_number("RssShmem:"),
          .mappings = lines("/proc/self/maps"), .descriptors = static_cast<std::uint64_t>(descriptors),
          .threads = status_number("Threads:"), .disk_kib = disk_kib(directory)};
}

void check_each_takes(const char* what, std::uint64_t Usage::* field, const Usage& few, const Usage& all, std::uint64_t reactors, std::uint64_t most) {
  const std::uint64_t each = (all.*field - std::min(all.*field, few.*field)) / reactors;
  std::printf("%s: %llu with few reactors, %llu with all, %llu each\n", what, static_cast<unsigned long long>(few.*field),
              static_cast<unsigned long long>(all.*field), static_cast<unsigned long long>(each));
  std::fflush(stdout);
  CHECK(each <= most);
}

}  // namespace

int main() {
  const TemporaryDirectory directory("many-reactors");
  const std::uint64_t count = repetitions("AFTERIMAGE_REACTORS", 300);
  auto recorder = Recorder::open({.directory = directory.path()});
  std::vector<Reactor<Device>> devices;
  Usage few{};  // the first ones may take more
  for (std::uint64_t i = 0; i < count; ++i) {
    devices.push_back(recorder.create<Device>("device " + std::to_string(i), 500));
    for (std::uint64_t k = 0; k < 10; ++k) devices.back().deliver(Tick{k});
    if (i == kFew - 1) few = usage(directory.path());
  }
  for (std::uint64_t round = 0; round < 3; ++round)
    for (Reactor<Device>& device : devices) device.deliver(Tick{round});
  const Usage all = usage(directory.path());
  check_each_takes("memory (KiB)", &Usage::memory_kib, few, all, count - kFew, 100);
  check_each_takes("mapped files (KiB)", &Usage::shared_kib, few, all, count - kFew, 100);
  check_each_takes("mappings", &Usage::mappings, few, all, count - kFew, 12);
  check_each_takes("descriptors", &Usage::descriptors, few, all, count - kFew, 0);
  check_each_takes("threads", &Usage::threads, few, all, count - kFew, 0);
  check_each_takes("disk (KiB)", &Usage::disk_kib, few, all, count - kFew, 200);
  CHECK(recorder.status().ok() == (count <= format::kReactorSlots));
  for (const Reactor<Device>& device : devices) CHECK_EQUAL(device->last[9], 9u);
}
