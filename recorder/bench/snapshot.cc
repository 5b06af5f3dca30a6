// recorder/bench/snapshot.cc: how long a reactor stands still for its snapshots, and what its events cost meanwhile.
//
//     snapshot_bench [--smoke] [--all]     prints rows: id value unit; --all: every engine
//
// A reactor writes four random pages in each of 20,000 events a second, on one CPU; the snapshot's worker has the other.
// Engines alternate with `stop` within a run, and the first snapshot of each is not counted. No files are written: what is
// measured is the engine. The image is checked each time: all pages' counters add up to the events of the instant. `p99` is of
// the events during a snapshot, `quiet_p99` of those between two: what is left without the engine. `traversal` is what it takes
// only to visit all objects of a heap, which saving them one by one would begin with, against copying its pages.
//
// And for every engine, at 100 MB, idle and with both CPUs loaded by somebody else (`loaded`): `stall` is the longest from when an event was
// due until it had ended, `cost` the CPU time that a snapshot takes from the reactor's thread, in its pauses and by making events longer.
// On loaded CPUs the scheduler's turns, of a few milliseconds, are in the stall.
#include <elf.h>
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "format/core_file.h"
#include "heap/heap.h"
#include "snapshot/copy_pages.h"
#include "snapshot/engine.h"
#include "snapshot/image.h"

namespace {

using namespace afterimage;
using Progress = SnapshotEngine::Progress;

constexpr std::size_t kPage = 4096;
constexpr std::uint64_t kWritesPerEvent = 4;

double g_ns_per_tick = 0;
double milliseconds(std::uint64_t ticks) { return static_cast<double>(ticks) * g_ns_per_tick / 1e6; }

void calibrate() {
  const auto now = [] {
    timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(time.tv_nsec);
  };
  const std::uint64_t ticks = __rdtsc(), begun = now();
  while (now() - begun < 50'000'000) continue;
  g_ns_per_tick = static_cast<double>(now() - begun) / static_cast<double>(__rdtsc() - ticks);
}

double thread_cpu_s() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

void pin_to(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(cpu), &set);
  pthread_setaffinity_np(pthread_self(), sizeof set, &set);  // in vain on one CPU: then the figures are worse
}

template <class T>
T quantile(std::vector<T> values, double q) {
  if (values.empty()) return T{};
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(q * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

// A reactor on a thread of its own, which does between two events what it is told to.
class Reactor {
 public:
  explicit Reactor(std::size_t megabytes) : pages_count_(megabytes * (std::size_t{1} << 20) / kPage) {
    int error = 0;
    heap_ = Heap::create(SlotSize::large, error);
    if (heap_ == nullptr) {
      std::fprintf(stderr, "snapshot_bench: no heap: %s.\n", std::strerror(error));
      std::exit(1);
    }
    pages_ = static_cast<std::byte*>(heap_->allocate(pages_count_ * kPage));
    for (std::size_t i = 0; i < pages_count_ * kPage / 8; ++i) reinterpret_cast<std::uint64_t*>(pages_)[i] = i;
    for (std::size_t i = 0; i < pages_count_; ++i) std::memset(pages_ + i * kPage, 0, 16);
    durations_.reserve(1 << 22);
    thread_ = std::thread([this] { run(); });
  }
  ~Reactor() {
    between_events([this] { stopping_ = true; });
    thread_.join();
    Heap::destroy(heap_);
  }

  Heap& heap() { return *heap_; }

  // Returns how long the reactor stood still for `action`, in ticks.
  std::uint64_t between_events(std::function<void()> action) {
    action_ = std::move(action);
    wanted_.store(true, std::memory_order_release);
    while (wanted_.load(std::memory_order_acquire)) _mm_pause();
    return pause_;
  }

  // What its thread has spent on events and between them since the last call; only counted if that is wanted, because to ask takes time.
  struct CpuTime {
    double ms = 0;
    std::uint64_t events = 0;
  };
  void count_cpu_time(bool wanted) {
    between_events([&] { counts_cpu_time_ = wanted; });
  }
  CpuTime take_cpu_time() {
    CpuTime taken;
    between_events([&] { taken = std::exchange(cpu_time_, {}); });
    return taken;
  }

  // How late an event has ended at most since the last call, in ticks.
  std::uint64_t take_lateness() {
    std::uint64_t taken = 0;
    between_events([&] { taken = std::exchange(lateness_, 0); });
    return taken;
  }

  // The durations of the events since the last call. Only between events.
  std::vector<std::uint32_t> take_durations() {
    std::vector<std::uint32_t> taken = durations_;
    durations_.clear();
    return taken;
  }

  bool image_is_of_one_instant(const Image& image, std::uint64_t events) const {
    std::uint64_t writes = 0, last = 0;
    for (std::size_t page = 0; page < pages_count_; ++page) {
      const auto* const words = reinterpret_cast<const std::uint64_t*>(image.at(reinterpret_cast<std::uintptr_t>(pages_) + page * kPage));
      writes += words[1];
      last = std::max(last, words[0]);
    }
    return writes == events * kWritesPerEvent && last <= events;
  }
  std::uint64_t events() const { return events_; }

 private:
  void run() {
    pin_to(0);
    const auto period = static_cast<std::uint64_t>(1e9 / 20'000 / g_ns_per_tick);
    for (std::uint64_t due = __rdtsc(); !stopping_;) {
      if (wanted_.load(std::memory_order_acquire)) {
        const double cpu_begun = cpu_ms();
        const std::uint64_t begun = __rdtsc();
        action_();
        pause_ = __rdtsc() - begun;
        cpu_time_.ms += cpu_ms() - cpu_begun;
        wanted_.store(false, std::memory_order_release);
      }
      if (__rdtsc() < due) {
        _mm_pause();
        continue;
      }
      due += period;
      const double cpu_begun = cpu_ms();
      const std::uint64_t begun = __rdtsc();
      heap_->exchange_event(events_ + 1);  // as a delivery does
      event();
      heap_->exchange_event(0);
      const std::uint64_t ended = __rdtsc();
      if (durations_.size() < durations_.capacity()) durations_.push_back(static_cast<std::uint32_t>(ended - begun));
      lateness_ = std::max(lateness_, ended - (due - period));
      cpu_time_.ms += cpu_ms() - cpu_begun;
      ++cpu_time_.events;
    }
  }

  double cpu_ms() const { return counts_cpu_time_ ? thread_cpu_s() * 1000 : 0; }

  void event() {
    ++events_;
    for (std::uint64_t i = 0; i < kWritesPerEvent; ++i) {
      random_ ^= random_ << 13;
      random_ ^= random_ >> 7;
      random_ ^= random_ << 17;
      auto* const words = reinterpret_cast<std::uint64_t*>(pages_ + (random_ >> 11) % pages_count_ * kPage);
      words[0] = events_;
      words[1] += 1;
      words[2 + random_ % 510] ^= events_;
    }
  }

  Heap* heap_ = nullptr;
  std::byte* pages_ = nullptr;
  const std::size_t pages_count_;
  std::uint64_t events_ = 0, random_ = 88172645463325252u, pause_ = 0;
  std::vector<std::uint32_t> durations_;
  bool counts_cpu_time_ = false;
  CpuTime cpu_time_;
  std::uint64_t lateness_ = 0;
  std::function<void()> action_;
  std::atomic<bool> wanted_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

struct Samples {
  std::vector<double> pause_ms, total_ms, p99_us, stall_ms;
  std::vector<double> quiet_p99_us;  // while no snapshot is made
  std::vector<Reactor::CpuTime> cpu_time, quiet_cpu_time;
};

// Of those since the durations were last taken.
double p99_us_of_events(Reactor& reactor) {
  std::vector<std::uint32_t> durations;
  reactor.between_events([&] { durations = reactor.take_durations(); });
  return milliseconds(quantile(durations, 0.99)) * 1000;
}

// One snapshot, as SnapshotWriter drives it.
void snapshot(Reactor& reactor, SnapshotEngine& engine, Image& image, Samples& samples) {
  static const std::atomic<bool> never = false;
  std::uint64_t instant = 0, pause = 0;
  (void)reactor.take_cpu_time();
  (void)reactor.take_lateness();
  const std::uint64_t begun = __rdtsc();
  int error = 0;
  pause = reactor.between_events([&] {
    (void)reactor.take_durations();
    error = image.attach(reactor.heap());
    image.list_ranges(reactor.heap());
    if (error == 0) error = engine.begin(reactor.heap(), image);
    instant = reactor.events();
  });
  Progress progress = error == 0 ? engine.work(never) : Progress::failed;
  while (progress == Progress::needs_boundary) {
    bool finished = false;
    const std::uint64_t ticks = reactor.between_events([&] {
      finished = engine.finish();
      instant = reactor.events();
    });
    pause = std::max(pause, ticks);
    progress = finished ? Progress::complete : engine.work(never);
  }
  engine.end();
  const std::uint64_t total = __rdtsc() - begun;
  const Reactor::CpuTime cpu_time = reactor.take_cpu_time();
  const std::uint64_t lateness = reactor.take_lateness();
  const double p99_us = p99_us_of_events(reactor);
  if (progress != Progress::complete || !reactor.image_is_of_one_instant(image, instant)) {
    std::fprintf(stderr, "snapshot_bench: %s made a wrong image.\n", engine.name());
    std::exit(1);
  }
  samples.pause_ms.push_back(milliseconds(pause));
  samples.total_ms.push_back(milliseconds(total));
  samples.p99_us.push_back(p99_us);
  samples.stall_ms.push_back(milliseconds(lateness));
  samples.cpu_time.push_back(cpu_time);
}

// `rounds` snapshots with the engine and with `stop`, in turn.
void compare(Reactor& reactor, SnapshotEngine& engine, int rounds, Samples& samples, Samples& stopped) {
  StopEngine stop;
  Image image(engine.sharing()), stop_image(Image::Sharing::this_process);
  Samples warm_up;
  for (int round = 0; round <= rounds; ++round) {
    snapshot(reactor, stop, stop_image, round == 0 ? warm_up : stopped);
    snapshot(reactor, engine, image, round == 0 ? warm_up : samples);
    (void)reactor.take_cpu_time();
    timespec time{0, 50'000'000};
    nanosleep(&time, nullptr);
    samples.quiet_p99_us.push_back(p99_us_of_events(reactor));
    samples.quiet_cpu_time.push_back(reactor.take_cpu_time());
  }
}

double memcpy_ms(Reactor& reactor, int rounds) {
  std::size_t bytes = 0;
  std::vector<double> times;
  reactor.heap().used_ranges([&](std::uintptr_t, std::size_t size) { bytes += size; });
  std::vector<std::byte> to(bytes);
  for (int round = 0; round <= rounds; ++round) {
    const std::uint64_t ticks = reactor.between_events([&] {
      std::byte* at = to.data();
      reactor.heap().used_ranges([&](std::uintptr_t address, std::size_t size) {
        std::memcpy(at, reinterpret_cast<const void*>(address), size);
        at += size;
      });
    });
    if (round > 0) times.push_back(milliseconds(ticks));
  }
  return quantile(times, 0.5);
}

double median(const std::vector<double>& values) { return quantile(values, 0.5); }
void row(const std::string& id, double value, const char* unit, int rounds) {
  std::printf("snapshot.%s %.4g %s %d\n", id.c_str(), value, unit, rounds);
  std::fflush(stdout);
}

void rows_of(Reactor& reactor, const char* engine_name, bool incremental, int rounds, const std::string& size) {
  EngineChoice choice = choose_engine(engine_name, /*kernel_writes=*/false, incremental);
  if (!choice.note.empty()) {
    std::fprintf(stderr, "snapshot_bench: %s\n", choice.note.c_str());
    return;
  }
  Samples samples, stopped;
  compare(reactor, *choice.engine, rounds, samples, stopped);
  const std::string name = engine_name;
  const std::string id = incremental ? "incremental" : name;
  row(id + ".pause" + size, median(samples.pause_ms) / median(stopped.pause_ms), "of_stop", rounds);
  row(id + ".pause" + size + "_ms", median(samples.pause_ms), "ms", rounds);
  row(id + ".total" + size + "_ms", median(samples.total_ms), "ms", rounds);
  if (size == "100" && name == "precopy") row(incremental ? "incremental.p99_us" : "full.p99_us", median(samples.p99_us), "us", rounds);
  else row(id + ".p99_" + size + "_us", median(samples.p99_us), "us", rounds);
  row(id + ".quiet_p99_" + size + "_us", median(samples.quiet_p99_us), "us", rounds);
}

// Somebody else's work on both CPUs, as important as the reactor's.
class Load {
 public:
  explicit Load(bool wanted) {
    for (const int cpu : {0, 1})
      if (wanted) threads_.emplace_back([this, cpu] {
          pin_to(cpu);
          while (!stopping_.load(std::memory_order_relaxed)) continue;
        });
  }
  ~Load() {
    stopping_ = true;
    for (std::thread& thread : threads_) thread.join();
  }

 private:
  std::atomic<bool> stopping_ = false;
  std::vector<std::thread> threads_;
};

// Beyond what the same events cost without a snapshot, by the median of the quiet times.
std::vector<double> costs_ms(const Samples& samples, const std::vector<Reactor::CpuTime>& quiet) {
  std::vector<double> an_event, costs;
  for (const auto& [ms, events] : quiet) an_event.push_back(events == 0 ? 0 : ms / static_cast<double>(events));
  for (const auto& [ms, events] : samples.cpu_time) costs.push_back(std::max(0.0, ms - median(an_event) * static_cast<double>(events)));
  return costs;
}

void cost_rows(Reactor& reactor, const char* engine_name, bool loaded, int rounds, const std::string& size) {
  EngineChoice choice = choose_engine(engine_name, /*kernel_writes=*/false);
  if (!choice.note.empty()) return;  // rows_of() has said so
  const Load load(loaded);
  Samples samples, stopped;
  reactor.count_cpu_time(true);
  compare(reactor, *choice.engine, rounds, samples, stopped);
  reactor.count_cpu_time(false);
  const std::vector<double> costs = costs_ms(samples, samples.quiet_cpu_time), stop_costs = costs_ms(stopped, samples.quiet_cpu_time);
  const std::string id = std::string(engine_name) + (loaded ? ".loaded" : "");
  row(id + ".stall" + size, median(samples.stall_ms) / median(stopped.stall_ms), "of_stop", rounds);
  row(id + ".stall" + size + "_ms", median(samples.stall_ms), "ms", rounds);
  row(id + ".cost" + size, median(costs) / median(stop_costs), "of_stop", rounds);
  row(id + ".cost" + size + "_ms", median(costs), "ms", rounds);
}

void stop_rows(Reactor& reactor, int rounds, const std::string& size) {
  StopEngine stop;
  Samples samples, again;
  const double memcpy_before = memcpy_ms(reactor, rounds);
  compare(reactor, stop, rounds, samples, again);
  const double memcpy_after = memcpy_ms(reactor, rounds);
  const double copied_ms = std::min(memcpy_before, memcpy_after);
  row("stop.memcpy" + (size == "100" ? std::string() : size), median(samples.pause_ms) / copied_ms, "of_memcpy", rounds);
  row("stop.pause" + size + "_ms", median(samples.pause_ms), "ms", rounds);
}

// What Options::snapshot_compression costs the worker, and the events meanwhile; heaps differ in how small they get.
void compression_rows(Reactor& reactor, int level, int rounds) {
  const EngineChoice choice = choose_engine("auto", /*kernel_writes=*/false);
  Image image(choice.engine->sharing());
  Samples ignored;
  snapshot(reactor, *choice.engine, image, ignored);
  std::vector<format::CoreRange> ranges;
  for (const PageRange& range : image.ranges()) ranges.push_back({range.address, range.bytes, PF_R | PF_W, image.at(range.address)});
  const format::SnapshotNote note{};
  const format::CoreNotes notes{.snapshot = note, .thread_state = {}, .locale = {}, .auxiliary_vector = {}, .modules = {}};
  std::vector<double> cpu_s, p99_us;
  double file_bytes = 0;
  for (int round = 0; round < rounds; ++round) {
    std::FILE* const file = std::tmpfile();
    (void)p99_us_of_events(reactor);
    const double begun = thread_cpu_s();
    if (file == nullptr || format::write_compressed_core(fileno(file), level, notes, ranges) != 0) {
      std::fprintf(stderr, "snapshot_bench: no compressed file can be written.\n");
      std::exit(1);
    }
    cpu_s.push_back(thread_cpu_s() - begun);
    p99_us.push_back(p99_us_of_events(reactor));
    file_bytes = static_cast<double>(lseek(fileno(file), 0, SEEK_END));
    std::fclose(file);
  }
  const std::string id = "compression" + std::to_string(level);
  row(id + ".cpu", median(cpu_s) / static_cast<double>(image.bytes()) * 1e9, "s/GB", rounds);
  row(id + ".size", file_bytes / static_cast<double>(image.bytes()), "of_heap", rounds);
  row(id + ".p99_us", median(p99_us), "us", rounds);
}

// A std::map<int, int> whose nodes lie in the order in which random keys came.
void traversal_row(int rounds, std::size_t megabytes) {
  int error = 0;
  Heap* const heap = Heap::create(SlotSize::large, error);
  if (heap == nullptr) {
    std::fprintf(stderr, "snapshot_bench: no heap: %s.\n", std::strerror(error));
    std::exit(1);
  }
  std::map<int, int>* map = nullptr;
  {
    const HeapScope inside(heap);
    map = new std::map<int, int>;
    std::uint64_t random = 88172645463325252u;
    for (std::size_t bytes = 0; bytes < megabytes << 20; bytes += 48) {  // of a node
      random ^= random << 13;
      random ^= random >> 7;
      random ^= random << 17;
      map->emplace(static_cast<int>(random), 1);
    }
  }
  StopEngine stop;
  Image image(stop.sharing());
  std::vector<double> visited_ms, copied_ms;
  std::size_t seen = 0;
  for (int round = 0; round <= rounds; ++round) {
    const std::uint64_t begun = __rdtsc();
    for (const auto& [key, value] : *map) seen += static_cast<std::size_t>(value);
    const std::uint64_t visited = __rdtsc();
    error = image.attach(*heap);
    image.list_ranges(*heap);
    if (error == 0) error = stop.begin(*heap, image);
    if (round == 0) continue;  // its pages were new
    visited_ms.push_back(milliseconds(visited - begun));
    copied_ms.push_back(milliseconds(__rdtsc() - visited));
  }
  if (error != 0 || seen != map->size() * static_cast<std::size_t>(rounds + 1)) {
    std::fprintf(stderr, "snapshot_bench: not all objects were visited, or not all pages copied.\n");
    std::exit(1);
  }
  row("traversal", median(visited_ms) / median(copied_ms), "of_stop", rounds);
  row("traversal_ms", median(visited_ms), "ms", rounds);
  Heap::destroy(heap);
}

}  // namespace

int main(int count, char** arguments) {
  bool smoke = false, all = false;
  for (int i = 1; i < count; ++i) {
    smoke = smoke || std::strcmp(arguments[i], "--smoke") == 0;
    all = all || std::strcmp(arguments[i], "--all") == 0;
  }
  calibrate();
  pin_to(1);
  setpriority(PRIO_PROCESS, 0, -20);
  const struct {
    std::size_t megabytes;
    int rounds;
  } sizes[] = {{smoke ? std::size_t{4} : 100, smoke ? 1 : 9}, {smoke ? std::size_t{8} : 1000, smoke ? 1 : 5}};
  traversal_row(sizes[0].rounds, sizes[0].megabytes);
  for (const auto& [megabytes, rounds] : sizes) {
    Reactor reactor(megabytes);
    const std::string size = std::to_string(megabytes);
    stop_rows(reactor, rounds, size);
    rows_of(reactor, "precopy", false, rounds, size);
    rows_of(reactor, "precopy", true, rounds, size);
    if (&megabytes == &sizes[0].megabytes)
      for (const int level : {1, 3}) compression_rows(reactor, level, rounds);
    for (const char* const other : {"fork", "cow-uffd", "cow-mprotect"})
      if (all || smoke) rows_of(reactor, other, false, rounds, size);
    if (&megabytes != &sizes[0].megabytes) continue;
    for (const char* const engine : {"stop", "precopy", "fork", "cow-uffd", "cow-mprotect"})
      for (const bool loaded : {false, true})
        if (!loaded || !smoke) cost_rows(reactor, engine, loaded, rounds, size);
  }
}
