// Where the recorder itself finds no memory, the program goes on: every event is processed, whichever allocation of the
// recorder fails, on whichever of its threads.
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <new>

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

struct Counter {
  std::uint64_t events = 0;
  void react(const First&) { ++events; }
  void react(const Second&) { ++events; }
};

// A few segments, both ways to begin a type, and a snapshot that runs beside the events.
std::uint64_t deliver_all(afterimage::Reactor<Counter>& reactor) {
  std::uint64_t delivered = 0;
  for (; delivered < 100; ++delivered) reactor.deliver(First{.number = delivered, .text = {}});
  reactor.snapshot();
  for (; delivered < 300; ++delivered) reactor.deliver(Second{.number = delivered});
  return delivered;
}

// True if an allocation failed.
bool record_with_failure_after(const std::string& directory, long allocations) {
  g_failed = false;
  {
    auto recorder = afterimage::Recorder::open({.directory = directory, .segment_bytes = 8192});
    CHECK(recorder.status().ok());
    auto reactor = recorder.create<Counter>("counter");
    g_until_failure = allocations;
    CHECK_EQUAL(deliver_all(reactor), reactor->events);
  }
  g_until_failure = kNever;
  std::filesystem::remove_all(directory);
  return g_failed;
}

}  // namespace

int main() {
  char directory[] = "/tmp/no-memory-XXXXXX";
  CHECK(mkdtemp(directory) != nullptr);
  const std::string recordings = std::string(directory) + "/recordings";
  CHECK(!record_with_failure_after(recordings, kNever));
  long failures = 0;
  for (long allocations = 0; record_with_failure_after(recordings, allocations); ++allocations) ++failures;
  std::printf("survived the failure of each of %ld allocations\n", failures);
  CHECK(failures > 30);
  std::filesystem::remove_all(directory);
}
