// recorder/bench/append.cc: how long the commit of one event takes.
//
//     append_bench [--smoke] [--directory DIR]     prints rows: id value unit
//
// A 100-byte event is stamped and appended 200,000 times a second to a log in DIR (default: the current directory; it should be on
// the disk that recordings are put on). Measured with the time-stamp counter, whose reading is part of the figure. What the
// machine does to the thread meanwhile is in the tail, too: only a quiet machine shows the log's own.
//
// And the same with Options::sync_interval_ms = 10: append.synced10.*. The kernel protects pages that it writes, so that the first append
// to one of them afterwards is a page fault.
#include <stdlib.h>
#include <time.h>
#include <x86intrin.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "os/clock.h"
#include "record/event_log.h"

namespace {

using namespace afterimage;

struct Event {
  std::uint64_t number;
  char text[92];
};

struct Reactor {
  void react(const Event&) {}
};

constexpr const detail::EventTypeInfo& kType = detail::event_type<Reactor, Event>;
constexpr double kEventsPerSecond = 200'000;

double ns_per_tick() {
  const auto now = [] {
    timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
  };
  const std::uint64_t ticks = __rdtsc();
  const double begun = now();
  while (now() - begun < 50e6) continue;
  return (now() - begun) / static_cast<double>(__rdtsc() - ticks);
}

// The ticks that each append took.
std::vector<std::uint32_t> append_paced(EventLog& log, std::size_t events, std::uint64_t period) {
  std::vector<std::uint32_t> taken(events);
  os::Clock clock;
  Event event{};
  std::uint64_t due = __rdtsc();
  for (std::size_t i = 0; i < events; ++i, due += period) {
    while (__rdtsc() < due) _mm_pause();
    event.number = i;
    const std::uint64_t begun = __rdtsc();
    const std::uint16_t channel = log.channel_of(kType, i);
    const format::Message message{channel, static_cast<std::uint32_t>(i), clock.now_ns()};
    if (!log.append(message, std::as_bytes(std::span(&event, 1)), {}, i)) {
      std::fprintf(stderr, "append_bench: %s\n", log.failure().message().c_str());
      std::exit(1);
    }
    taken[i] = static_cast<std::uint32_t>(std::min<std::uint64_t>(__rdtsc() - begun, UINT32_MAX));
  }
  return taken;
}

// Prints the rows of one log, which is written to the disk so often.
void measure(const std::string& name, const std::string& parent, std::size_t events, double tick, std::chrono::milliseconds sync_interval) {
  std::string directory = parent + "/append-bench-XXXXXX";
  if (mkdtemp(directory.data()) == nullptr) {
    std::perror(("append_bench: " + directory).c_str());
    std::exit(1);
  }
  std::vector<std::uint32_t> taken;
  std::uint64_t stalls = 0;
  {
    SegmentKeeper keeper(sync_interval);
    Retention retention({});
    EventLog log(keeper, retention, {directory, std::size_t{16} << 20, std::string(32, '0'), 0});
    if (log.open().ok()) taken = append_paced(log, events, static_cast<std::uint64_t>(1e9 / kEventsPerSecond / tick));
    stalls = keeper.stalls();
  }
  std::filesystem::remove_all(directory);
  if (taken.empty()) std::exit(1);
  std::ranges::sort(taken);
  const auto quantile = [&](double q) { return taken[static_cast<std::size_t>(q * static_cast<double>(taken.size() - 1))] * tick; };
  const auto row = [&](const char* what, double value, const char* unit) {
    std::printf("%s.%s %.1f %s\n", name.c_str(), what, value, unit);
  };
  row("p50_ns", quantile(0.5), "ns");
  row("p99_ns", quantile(0.99), "ns");
  row("p999_ns", quantile(0.999), "ns");
  row("max_us", quantile(1) / 1000, "us");
  row("stalls", static_cast<double>(stalls), "times");
}

}  // namespace

int main(int count, char** arguments) {
  std::size_t events = 1'000'000;
  std::string directory = ".";
  for (int i = 1; i < count; ++i) {
    if (std::strcmp(arguments[i], "--smoke") == 0) events = 10'000;
    if (std::strcmp(arguments[i], "--directory") == 0 && i + 1 < count) directory = arguments[++i];
  }
  const double tick = ns_per_tick();
  measure("append", directory, events, tick, {});
  measure("append.synced10", directory, events, tick, std::chrono::milliseconds(10));
}
