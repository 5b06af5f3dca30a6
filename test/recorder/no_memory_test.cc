// Where the recorder itself finds no memory, the program goes on: every event is processed, whichever allocation of the
// recorder fails, on whichever of its threads, and whatever it was asked to record.
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <new>
#include <string>
#include <vector>

#include "afterimage/recorder.h"
#include "check.h"

namespace {

constexpr long kNever = -1;
std::atomic<long> g_until_failure = kNever;  // allocations that still succeed
std::atomic<bool> g_failed = false;

bool must_fail() noexcept {
  for (long left = g_until_failure; left != kNever;) {
    if (!g_until_failure.compare_exchange_weak(left, left - 1)) continue;
    if (left == 0) g_failed = true;
    return left == 0;
  }
  return false;
}

}  // namespace

// The program's own come first: these are the ones that the library calls.
void* operator new(std::size_t bytes) {
  void* const block = must_fail() ? nullptr : std::malloc(bytes);
  return block != nullptr ? block : throw std::bad_alloc();
}
void operator delete(void* block) noexcept { std::free(block); }
void operator delete(void* block, std::size_t) noexcept { std::free(block); }

namespace {

struct First {
  std::uint64_t number;
  char text[100];
};
struct Second {
  std::uint64_t number;
};

struct Listener {
  std::uint64_t events = 0;
  void react(const Second&) { ++events; }
};

// All that is recorded of a reactor: its memory, the time that it asks for, what it sends, and what it throws.
struct Counter {
  Counter(std::size_t bytes, afterimage::ReactorRef<Listener> to)
      : memory(static_cast<char*>(std::malloc(bytes))), size(bytes), listener(to) {
    std::memset(memory, 1, size);
  }
  ~Counter() { std::free(memory); }
  Counter(const Counter&) = delete;
  void operator=(const Counter&) = delete;

  void react(const First& event) {
    ++events;
    asked_at = std::time(nullptr);
    memory[event.number * 4096 % size] = static_cast<char>(event.number);
  }
  void react(const Second& event) {
    ++events;
    listener.deliver(event);
    if (event.number % 50 == 49) throw event.number;
  }

  char* memory;
  std::size_t size;
  afterimage::ReactorRef<Listener> listener;
  std::time_t asked_at = 0;
  std::uint64_t events = 0;
};

constexpr std::uint64_t kFirst = 100, kSecond = 200;

// A few segments, both ways to begin a type, and snapshots that run beside the events.
void deliver_all(afterimage::Reactor<Counter>& reactor) {
  for (std::uint64_t number = 0; number < kFirst; ++number) reactor.deliver(First{.number = number, .text = {}});
  reactor.snapshot();
  for (std::uint64_t number = 0; number < kSecond; ++number) {
    try {
      reactor.deliver(Second{.number = number});
    } catch (std::uint64_t thrown) {
      CHECK_EQUAL(thrown, number);
    }
    if (number == kSecond / 2) reactor.snapshot();
  }
}

// True if an allocation failed.
bool record_with_failure_after(const afterimage::Options& options, std::size_t bytes, long allocations) {
  g_failed = false;
  {
    auto recorder = afterimage::Recorder::open(options);
    CHECK(recorder.status().ok());
    auto listener = recorder.create<Listener>("listener");
    auto reactor = recorder.create<Counter>("counter", bytes, listener.ref());
    g_until_failure = allocations;
    deliver_all(reactor);
    CHECK_EQUAL(reactor->events, kFirst + kSecond);
    CHECK_EQUAL(listener->events, kSecond);
  }
  g_until_failure = kNever;
  std::filesystem::remove_all(options.directory);
  return g_failed;
}

// Of the first `each` allocations every third fails, in each survey others: they take the same ways.
void survive(const char* what, const afterimage::Options& options, std::size_t bytes, long each = 130) {
  std::fprintf(stderr, "-- %s\n", what);
  CHECK(!record_with_failure_after(options, bytes, kNever));
  constexpr long kFar = 200;  // beyond, they are those of one event after the other
  static const long step = std::getenv("AFTERIMAGE_SOAK") != nullptr ? 1 : 3;
  static long survey = 0;
  long failures = 0;
  for (long before = ++survey % step; record_with_failure_after(options, bytes, before); before += before < each ? step : kFar) ++failures;
  std::printf("%s: survived %ld failures of an allocation\n", what, failures);
  CHECK(failures > each / 4 / step);
}

// Where it is missing from the beginning on, the Recorder or the Reactor may be what cannot be made: then the program is told.
bool begin_with_failure_after(const afterimage::Options& options, long allocations) {
  g_failed = false;
  g_until_failure = allocations;
  try {
    auto recorder = afterimage::Recorder::open(options);
    auto listener = recorder.create<Listener>("listener");
    for (std::uint64_t number = 0; number < kSecond; ++number) listener.deliver(Second{number});
    CHECK_EQUAL(listener->events, kSecond);
  } catch (const std::bad_alloc&) {
    CHECK(g_failed);
  }
  g_until_failure = kNever;
  std::filesystem::remove_all(options.directory);
  return g_failed;
}

void survive_the_beginning(afterimage::Options options) {
  options.genesis = true;
  options.snapshot_deltas = true;
  const long step = std::getenv("AFTERIMAGE_SOAK") != nullptr ? 1 : 7;
  long before = 0;
  while (begin_with_failure_after(options, before)) before += step;
  std::printf("the beginning: survived failures of any of %ld allocations\n", before);
  CHECK(before > 100);
}

}  // namespace

int main() {
  char directory[] = "/tmp/no-memory-XXXXXX";
  CHECK(mkdtemp(directory) != nullptr);
  afterimage::Options options = {.directory = std::string(directory) + "/recordings", .segment_bytes = 8192};
  survive_the_beginning(options);
  constexpr std::size_t kSmall = 64 << 10, kLarge = 2 << 20;  // a small one is copied at once, whichever engine there is
  survive("small", options, kSmall);
  for (const char* const engine : {"stop", "precopy", "fork", "cow-uffd", "cow-mprotect"}) {
    options.snapshot_engine = engine;
    survive(engine, options, kLarge);
  }
  options.snapshot_engine = "auto";
  options.snapshot_deltas = true;
  survive("deltas", options, kLarge);
  options.snapshot_compression = 1;
  survive("compressed deltas", options, kLarge);
  options.keep_bytes = 1;
  options.snapshot_log_bytes = 8192;
  survive("little kept", options, kLarge);
  options.record_sent_events = true;
  options.genesis = true;
  survive("all that is sent", options, kSmall);
  options.state_digests = true;
  options.memory = afterimage::Memory::kinda_safe;
  survive("with digests", options, kSmall);
  options.sync_interval_ms = 1;
  survive("to the disk", options, kSmall, /*each=*/10);  // which may be a slow one
  std::filesystem::remove_all(directory);
}
