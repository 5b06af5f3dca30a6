// recorder/bench/append.cc: how long the commit of one event takes.
//
//     append_bench [--smoke] [--directory DIR]     prints rows: id value unit
//
// A 100-byte event is stamped and appended 200,000 times a second to a log in DIR (default: the current directory; it should be on
// the disk that recordings are put on). Measured with the time-stamp counter, whose reading is part of the figure. What the
// machine does to the thread meanwhile is in the tail, too: only a quiet machine shows the log's own.
//
// append.ns_0, .ns_64 and .ns_1024: events of so many bytes, one right behind the other, stamped as well; the median of batches of 100, so that
// waiting for the next segment is not in it.
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
#include <utility>
#include <vector>

#include "os/clock.h"
#include "record/event_log.h"

namespace {

using namespace afterimage;

struct Event {
  std::uint64_t number;
  char text[92];
};

using Payload = std::span<const std::byte>;

struct Reactor {
  void react(const Event&) {}
  void react(const Payload&) {}
};

constexpr const detail::EventTypeInfo& kType = detail::event_type<Reactor, Event>;
constexpr const detail::EventTypeInfo& kPayloadType = detail::event_type<Reactor, Payload>;
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

// Ends the program when that fails.
void append(EventLog& log, const detail::EventTypeInfo& type, Payload payload, std::size_t number, os::Clock& clock) {
  const format::Message message{log.channel_of(type, number), static_cast<std::uint32_t>(number), clock.now_ns()};
  if (log.append(message, payload, {}, number)) [[likely]] return;
  std::fprintf(stderr, "append_bench: %s\n", log.failure().message().c_str());
  std::exit(1);
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
    append(log, kType, std::as_bytes(std::span(&event, 1)), i, clock);
    taken[i] = static_cast<std::uint32_t>(std::min<std::uint64_t>(__rdtsc() - begun, UINT32_MAX));
  }
  return taken;
}

// The ticks that an event took, batch by batch.
std::vector<double> append_in_batches(EventLog& log, std::size_t batches, std::size_t bytes) {
  constexpr std::size_t kBatch = 100;
  const std::vector<std::byte> payload(bytes);
  std::vector<double> taken(batches);
  os::Clock clock;
  for (std::size_t batch = 0; batch < batches; ++batch) {
    const std::uint64_t begun = __rdtsc();
    for (std::size_t i = batch * kBatch; i < (batch + 1) * kBatch; ++i) append(log, kPayloadType, payload, i, clock);
    taken[batch] = static_cast<double>(__rdtsc() - begun) / kBatch;
  }
  return taken;
}

// What work(log) returns, sorted, and how often the log had to wait for a segment. The log is written to the disk so often.
template <typename Work>
auto with_log(const std::string& parent, std::chrono::milliseconds sync_interval, Work work) {
  std::string directory = parent + "/append-bench-XXXXXX";
  if (mkdtemp(directory.data()) == nullptr) {
    std::perror(("append_bench: " + directory).c_str());
    std::exit(1);
  }
  std::pair<decltype(work(std::declval<EventLog&>())), std::uint64_t> result;
  {
    SegmentKeeper keeper(sync_interval);
    Retention retention({});
    EventLog log(keeper, retention, {directory, std::size_t{16} << 20, std::string(32, '0'), 0});
    if (log.open().ok()) result.first = work(log);
    result.second = keeper.stalls();
  }
  std::filesystem::remove_all(directory);
  if (result.first.empty()) std::exit(1);
  std::ranges::sort(result.first);
  return result;
}

// Prints the rows of one log.
void measure(const std::string& name, const std::string& parent, std::size_t events, double tick, std::chrono::milliseconds sync_interval) {
  const auto period = static_cast<std::uint64_t>(1e9 / kEventsPerSecond / tick);
  const auto [taken, stalls] = with_log(parent, sync_interval, [&](EventLog& log) { return append_paced(log, events, period); });
  const auto quantile = [&, &taken = taken](double q) { return taken[static_cast<std::size_t>(q * static_cast<double>(taken.size() - 1))] * tick; };
  const auto row = [&](const char* what, double value, const char* unit) {
    std::printf("%s.%s %.1f %s\n", name.c_str(), what, value, unit);
  };
  row("p50_ns", quantile(0.5), "ns");
  row("p99_ns", quantile(0.99), "ns");
  row("p999_ns", quantile(0.999), "ns");
  row("max_us", quantile(1) / 1000, "us");
  row("stalls", static_cast<double>(stalls), "times");
}

void measure_back_to_back(std::size_t bytes, const std::string& parent, std::size_t batches, double tick) {
  const auto [taken, stalls] = with_log(parent, {}, [&](EventLog& log) { return append_in_batches(log, batches, bytes); });
  std::printf("append.ns_%zu %.1f ns/event %zu\n", bytes, taken[taken.size() / 2] * tick, taken.size());
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
  for (const std::size_t bytes : {0, 64, 1024}) measure_back_to_back(bytes, directory, events / 1000, tick);
  measure("append.synced10", directory, events, tick, std::chrono::milliseconds(10));
}
