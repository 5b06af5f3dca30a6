// recorder/bench/persist.cc: what it costs to keep reactors in a database (Reactor::save, Recorder::restore).
//
//     persist_bench [--smoke]     prints rows: id value unit
//
// A reactor with 100 KB and one with 100 MB, in blocks of 1 KB that are full of numbers. To save goes into memory that an earlier save has
// used, and is compared with memcpy into known memory; to restore goes into fresh memory, and is compared with memcpy into that. Of a
// cycle (restore, one event, save, destroy) the recorded one makes its own directory, log and snapshot.
#include <sys/mman.h>
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "afterimage/recorder.h"

namespace {

using namespace afterimage;

double now_us() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
}

template <class F>
double us_of(F&& f) {
  const double begun = now_us();
  f();
  return now_us() - begun;
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

void row(const std::string& id, double value, const char* unit, int rounds) { std::printf("%s %.6g %s %d\n", id.c_str(), value, unit, rounds); }

[[noreturn]] void fail(const Status& status) {
  std::fprintf(stderr, "persist_bench: %s\n", status.message().c_str());
  std::exit(1);
}

struct Change {
  std::uint64_t block, value;
};

struct Blocks {
  explicit Blocks(std::size_t kilobytes) : blocks(kilobytes, std::vector<std::uint64_t>(128)) {
    for (std::size_t i = 0; i < blocks.size(); ++i)
      for (std::size_t k = 0; k < blocks[i].size(); ++k) blocks[i][k] = (i + 1) * 0x9E37'79B9'7F4A'7C15 + k;
  }
  void react(const Change& change) { blocks[change.block % blocks.size()][0] = change.value; }

  std::vector<std::vector<std::uint64_t>> blocks;
};

void save(Reactor<Blocks>& reactor, Bytes& saved) {
  if (const Status status = reactor.save(saved); !status) fail(status);
}

Reactor<Blocks> restore(Recorder& recorder, const Bytes& saved) {
  Status why_not;
  std::optional<Reactor<Blocks>> reactor = recorder.restore<Blocks>("blocks", saved, why_not);
  if (!reactor) fail(why_not);
  return std::move(*reactor);
}

double copy_into_fresh_memory(const Bytes& from) {
  void* const fresh = mmap(nullptr, from.size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (fresh == MAP_FAILED) fail(Status(0, "no memory for a copy."));
  madvise(fresh, from.size(), MADV_NOHUGEPAGE);  // as slots are
  const double us = us_of([&] { std::memcpy(fresh, from.data(), from.size()); });
  munmap(fresh, from.size());
  return us;
}

// All of a kind alternate.
void rows_of(std::size_t kilobytes, const std::string& size, int rounds) {
  Recorder recorder = Recorder::open({.directory = ""});
  std::vector<double> saving, known, restoring, fresh;
  Bytes saved, copy;
  {
    auto reactor = recorder.create<Blocks>("blocks", kilobytes);
    save(reactor, saved);
  }
  copy = saved;
  for (int round = 0; round < rounds; ++round) {
    std::optional<Reactor<Blocks>> reactor;
    restoring.push_back(us_of([&] { reactor.emplace(restore(recorder, saved)); }));
    fresh.push_back(copy_into_fresh_memory(saved));
    saving.push_back(us_of([&] { save(*reactor, saved); }));
    known.push_back(us_of([&] { std::memcpy(copy.data(), saved.data(), saved.size()); }));
  }
  row("persist.save." + size + "_us", median(saving), "us", rounds);
  row("persist.save." + size + ".memcpy", median(saving) / median(known), "ratio", rounds);
  row("persist.restore." + size + "_us", median(restoring), "us", rounds);
  row("persist.restore." + size + ".memcpy", median(restoring) / median(fresh), "ratio", rounds);
  row("persist.bytes." + size, static_cast<double>(saved.size()), "bytes", 1);
}

void cycle_row(const std::string& id, const std::string& directory, int rounds) {
  Recorder recorder = Recorder::open({.directory = directory});
  Bytes saved;
  {
    auto reactor = recorder.create<Blocks>("blocks", 100);
    save(reactor, saved);
  }
  std::vector<double> cycles;
  for (int round = 0; round < rounds; ++round)
    cycles.push_back(us_of([&] {
      Reactor<Blocks> reactor = restore(recorder, saved);
      reactor.deliver(Change{static_cast<std::uint64_t>(round), 1});
      save(reactor, saved);
    }));
  row(id, median(cycles), "us", rounds);
}

}  // namespace

int main(int count, char** arguments) {
  const bool smoke = count == 2 && std::strcmp(arguments[1], "--smoke") == 0;
  rows_of(100, "100kb", smoke ? 3 : 301);
  rows_of(smoke ? 1000 : 100'000, "100mb", smoke ? 3 : 11);
  cycle_row("persist.cycle.100kb_us", "", smoke ? 3 : 301);
  std::string directory = std::filesystem::temp_directory_path() / "persist-bench-XXXXXX";
  if (mkdtemp(directory.data()) == nullptr) fail(Status(0, "no directory for a recording."));
  cycle_row("persist.cycle.recorded.100kb_us", directory, smoke ? 3 : 301);
  std::filesystem::remove_all(directory);
}
