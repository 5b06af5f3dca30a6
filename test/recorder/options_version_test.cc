// A program that was compiled with other headers than this library's: it is told so in status(), and goes on, unrecorded.
#include <cstddef>
#include <cstring>
#include <string>

#include "afterimage/recorder.h"
#include "check.h"

// What such programs call: without a version, as it was in the first headers, and with the version of a later library.
afterimage::Recorder open_without_version(const void* options) noexcept asm("_ZN10afterimage8Recorder4openENS_7OptionsE");
afterimage::Recorder open_of_version(std::uint32_t version, std::size_t bytes, const void* options) noexcept
    asm("_ZN10afterimage8Recorder15open_of_versionEjmPKv");

namespace {

// The first ones there were. Behind them is whatever the caller's stack holds.
struct FirstOptions {
  std::string directory = "/nonexistent";
  std::size_t segment_bytes = 4096;
  std::uint64_t snapshot_log_bytes = 0;
  std::uint64_t snapshot_interval_ms = 0;
  bool crash_handler = true;
  std::byte stack[512];
};

struct Counter {
  int events = 0;
  void react(const int& event) { events += event; }
};

void goes_on_unrecorded(afterimage::Recorder recorder, const char* said) {
  CHECK(!recorder.status().ok());
  CHECK(recorder.status().message().find(said) != std::string::npos);
  CHECK(recorder.path().empty());
  auto counter = recorder.create<Counter>("counter");
  counter.deliver(2);
  CHECK_EQUAL(counter->events, 2);
}

}  // namespace

int main() {
  FirstOptions first;
  std::memset(first.stack, 0xA5, sizeof first.stack);
  goes_on_unrecorded(open_without_version(&first), "older");

  struct Five {
    std::string a;
    int b = 1;
    bool c, d;
    struct { int x, y; } e;
  };
  static_assert(afterimage::detail::count_fields<Five>() == 5);

  const afterimage::Options options{.directory = "/nonexistent"};
  constexpr std::uint32_t kVersion = afterimage::kOptionsVersion;
  goes_on_unrecorded(open_of_version(kVersion + 1, sizeof options, &options), "newer");
  goes_on_unrecorded(open_of_version(kVersion, sizeof options - 8, &options), "another");
}
