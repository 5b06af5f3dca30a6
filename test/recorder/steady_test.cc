// A recorder that runs for long takes no more and no more: memory, disk and descriptors are flat once the oldest
// generation has been dropped for the first time.
//
// AFTERIMAGE_STEADY_SECONDS: for how long, at 50,000 events a second (default: a million events, as fast as they go).
#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "afterimage/recorder.h"
#include "check.h"
#include "kills.h"

namespace {

constexpr std::uint64_t kRate = 50'000;  // events a second
constexpr std::uint64_t kKeepBytes = std::uint64_t{64} << 20;
constexpr std::uint64_t kGenerationBytes = std::uint64_t{8} << 20;

struct Tick {
  std::uint64_t instrument;
  std::uint64_t values[11];
};

// Some 10 MB in nodes of a map, of which each event changes one, and from time to time replaces one.
struct Prices {
  std::map<std::uint64_t, std::array<std::uint64_t, 16>> last;

  void react(const Tick& tick) {
    std::memcpy(last[tick.instrument].data(), tick.values, sizeof tick.values);
    if (last.size() > 50'000) last.erase(last.begin());
  }
};

struct Sample {
  std::uint64_t memory_kib, mapped_kib, descriptors, disk_kib;
};

std::uint64_t status_kib(const char* field) {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    std::uint64_t kib = 0;
    if (word == field && status >> kib) return kib;
  }
  return 0;
}

std::uint64_t entries(const char* directory) {
  return static_cast<std::uint64_t>(std::distance(std::filesystem::directory_iterator(directory), {}));
}

// Files come and go while they are counted.
std::uint64_t disk_kib(const std::string& directory) {
  std::uint64_t blocks = 0;
  std::error_code error;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory, error)) {
    struct stat info;
    if (stat(entry.path().c_str(), &info) == 0) blocks += static_cast<std::uint64_t>(info.st_blocks);
  }
  return blocks / 2;
}

Sample sample(const std::string& directory) {
  return {.memory_kib = status_kib("RssAnon:"), .mapped_kib = status_kib("RssFile:") + status_kib("RssShmem:"),
          .descriptors = entries("/proc/self/fd"), .disk_kib = disk_kib(directory)};
}

// The second half of the time after warming up against the first.
void check_flat(const std::vector<Sample>& samples, const char* what, std::uint64_t Sample::* field, std::uint64_t slack) {
  const auto warm = samples.begin() + static_cast<std::ptrdiff_t>(samples.size() / 3);
  const auto middle = warm + (samples.end() - warm) / 2;
  const std::uint64_t before = std::ranges::max(std::ranges::subrange(warm, middle), {}, field).*field;
  const std::uint64_t after = std::ranges::max(std::ranges::subrange(middle, samples.end()), {}, field).*field;
  std::printf("%s: at most %llu, then at most %llu\n", what, static_cast<unsigned long long>(before),
              static_cast<unsigned long long>(after));
  std::fflush(stdout);
  CHECK(after <= before + slack);
}

}  // namespace

int main() {
  const TemporaryDirectory directory("steady");
  const std::uint64_t seconds = repetitions("AFTERIMAGE_STEADY_SECONDS", 0);
  const bool paced = seconds != 0;
  const std::uint64_t events = paced ? seconds * kRate : 1'000'000;
  const std::uint64_t events_a_sample = std::max<std::uint64_t>(events / 1800, 10'000);

  auto recorder = afterimage::Recorder::open({.directory = directory.path(),
                                              .segment_bytes = std::size_t{4} << 20,
                                              .snapshot_log_bytes = kGenerationBytes,
                                              .keep_bytes = kKeepBytes});
  auto prices = recorder.create<Prices>("prices");
  RandomNumbers random;
  std::vector<Sample> samples;
  samples.reserve(events / events_a_sample + 1);
  const auto start = std::chrono::steady_clock::now();
  for (std::uint64_t event = 0; event < events; ++event) {
    if (paced && event % (kRate / 1000) == 0)
      std::this_thread::sleep_until(start + std::chrono::nanoseconds(event * (1'000'000'000 / kRate)));
    prices.deliver(Tick{.instrument = random.below(100'000), .values = {event}});
    if (event % events_a_sample == 0) samples.push_back(sample(directory.path()));
  }
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  std::printf("%llu events in %.0f s\n", static_cast<unsigned long long>(events), elapsed.count());
  CHECK(recorder.status().ok());
  check_flat(samples, "memory (KiB)", &Sample::memory_kib, 8 << 10);
  check_flat(samples, "mapped files (KiB)", &Sample::mapped_kib, 16 << 10);
  check_flat(samples, "descriptors", &Sample::descriptors, 2);
  check_flat(samples, "disk (KiB)", &Sample::disk_kib, 16 << 10);
  // The bound, the generation that is being written, and two segments: in use, and in preparation.
  CHECK(samples.back().disk_kib <= (kKeepBytes + 4 * kGenerationBytes) >> 10);
}
