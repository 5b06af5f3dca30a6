// kill -9 while snapshots are made, with every engine: there is always a complete snapshot, its pages are those of its position,
// and every event since is in the log.
//
// The child writes random pages as fast as it can and takes one snapshot after the other, of which the older ones are
// dropped. What its pages must hold at a position follows from the position alone.
// AFTERIMAGE_SNAPSHOT_KILLS: how many kills over all engines (default 30).
#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "afterimage/recorder.h"
#include "check.h"
#include "engines.h"
#include "format/core_file.h"
#include "kills.h"
#include "replay/event_source.h"

namespace {

using afterimage::format::CoreFile;
using afterimage::replay::EventSource;
using afterimage::replay::LogMessage;

struct Mode {
  const char* engine;
  bool deltas = false;
  int compression = 0;
};
constexpr Mode kModes[] = {{"stop"}, {"precopy"}, {.engine = "precopy", .deltas = true}, {"fork"}, {"cow-uffd"}, {"cow-mprotect"},
                           {.engine = "precopy", .deltas = true, .compression = 1}};

constexpr std::uint64_t kLatestKill = 8'000;
constexpr std::size_t kPages = 700;  // more than what is copied at once with every engine

struct Event {
  std::uint64_t number;
};

struct Page {
  std::uint64_t writes, last_event, noise[510];
};
static_assert(sizeof(Page) == 4096);

// Calls write(page) for each page that an event writes to.
template <typename F>
void for_each_write(std::uint64_t event, F&& write) {
  for (std::uint64_t i = 0; i < 4; ++i) write(((event * 4 + i) * 0x9E3779B97F4A7C15u >> 33) % kPages);
}

std::uint64_t* g_begun = nullptr;

struct PageWriter {
  std::unique_ptr<Page[]> pages = std::make_unique<Page[]>(kPages);

  void react(const Event& event) {
    __atomic_store_n(g_begun, event.number + 1, __ATOMIC_SEQ_CST);
    for_each_write(event.number, [&](std::size_t at) {
      Page& page = pages[at];
      ++page.writes;
      page.last_event = event.number + 1;
      page.noise[page.writes % 510] ^= event.number;
    });
  }
};

[[noreturn]] void record(const std::string& directory, const Mode& mode) {
  auto recorder = afterimage::Recorder::open({.directory = directory,
                                              .segment_bytes = std::size_t{64} << 10,
                                              .snapshot_log_bytes = std::size_t{16} << 10,
                                              .snapshot_engine = mode.engine,
                                              .reactors_do_io = false,
                                              .snapshot_deltas = mode.deltas,
                                              .snapshot_compression = mode.compression,
                                              .keep_bytes = std::uint64_t{12} << 20});
  auto writer = recorder.create<PageWriter>("writer");
  for (std::uint64_t number = 0;; ++number) writer.deliver(Event{number});
}

// The snapshots of a reactor, by position.
using Snapshots = std::map<std::uint64_t, CoreFile>;

Snapshots open_snapshots(const std::string& directory) {
  Snapshots snapshots;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (entry.path().extension() != ".core" && entry.path().extension() != ".zst") continue;
    CoreFile core;
    CHECK(core.open(entry.path()).ok());  // what has its name is complete
    CHECK(core.bring_content().ok());
    const std::uint64_t position = core.note().position;
    snapshots.emplace(position, std::move(core));
  }
  return snapshots;
}

// Memory as it was: of the full snapshot first, then of the deltas upon it.
void read_memory(const Snapshots& snapshots, std::uint64_t position, std::uintptr_t address, void* to, std::size_t bytes) {
  const CoreFile& core = snapshots.at(position);
  if (core.note().kind == afterimage::format::kDelta) read_memory(snapshots, core.note().parent, address, to, bytes);
  else std::memset(to, 0, bytes);
  for (const auto& load : core.loads()) {
    const std::uintptr_t from = std::max(load.address, address), end = std::min(load.address + load.bytes, address + bytes);
    if (from >= end) continue;
    const auto offset = static_cast<off_t>(load.file_offset + (from - load.address));
    CHECK_EQUAL(pread(core.descriptor(), static_cast<std::byte*>(to) + (from - address), end - from, offset),
                static_cast<ssize_t>(end - from));
  }
}

// Whether the deltas of a snapshot lead to a full one: the oldest generation may be half dropped.
bool is_usable(const Snapshots& snapshots, std::uint64_t position) {
  const auto found = snapshots.find(position);
  if (found == snapshots.end()) return false;
  const auto& note = found->second.note();
  return note.kind == afterimage::format::kFull || is_usable(snapshots, note.parent);
}

void check_pages(const Snapshots& snapshots, std::uint64_t position) {
  std::uintptr_t address = 0;
  read_memory(snapshots, position, snapshots.at(position).note().object, &address, sizeof address);
  std::vector<Page> found(kPages), expected(kPages);
  read_memory(snapshots, position, address, found.data(), kPages * sizeof(Page));
  for (std::uint64_t event = 0; event < position; ++event) {
    for_each_write(event, [&](std::size_t at) {
      Page& page = expected[at];
      ++page.writes;
      page.last_event = event + 1;
      page.noise[page.writes % 510] ^= event;
    });
  }
  CHECK(std::memcmp(found.data(), expected.data(), kPages * sizeof(Page)) == 0);
}

void check_log(const std::string& directory, std::uint64_t from, std::uint64_t begun) {
  EventSource source;
  CHECK(source.open(directory).ok());
  CHECK(source.first() <= from);
  std::uint64_t next = source.first();
  while (const auto message = source.next()) {
    if (message->kind != LogMessage::Kind::event) continue;
    CHECK(std::memcmp(message->data.data(), &next, sizeof next) == 0);
    ++next;
  }
  CHECK(next >= begun && next <= begun + 1);
}

// How many snapshots it found.
std::size_t kill_once(const Mode& mode, RandomNumbers& random) {
  const TemporaryDirectory directory("snapshot-kill");
  *g_begun = 0;
  const std::uint64_t target = 1 + random.below(kLatestKill);
  kill_child([&] { record(directory.path(), mode); }, [&] { return __atomic_load_n(g_begun, __ATOMIC_RELAXED) >= target; });
  check_recorded_with_engine(directory.only_entry(), mode.engine);
  const std::string reactor = directory.only_entry() + "/r0";
  Snapshots snapshots = open_snapshots(reactor);
  std::erase_if(snapshots, [&](const auto& entry) { return !is_usable(snapshots, entry.first); });
  CHECK(!snapshots.empty());
  check_pages(snapshots, snapshots.begin()->first);
  check_pages(snapshots, snapshots.rbegin()->first);
  check_log(reactor, snapshots.begin()->first, *g_begun);
  return snapshots.size();
}

}  // namespace

int main() {
  g_begun = static_cast<std::uint64_t*>(mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  CHECK(g_begun != MAP_FAILED);
  RandomNumbers random(random_seed());
  const std::uint64_t kills = repetitions("AFTERIMAGE_SNAPSHOT_KILLS", 30);
  for (const Mode& mode : kModes) {
    if (!machine_has_engine(mode.engine)) continue;
    std::size_t snapshots = 0;
    const std::uint64_t share = std::max<std::uint64_t>(1, kills / std::size(kModes));
    for (std::uint64_t kill = 0; kill < share; ++kill) snapshots += kill_once(mode, random);
    std::printf("%s%s%s: %llu kills, %zu snapshots left, all whole\n", mode.engine, mode.deltas ? " with deltas" : "", mode.compression != 0 ? ", compressed" : "",
                static_cast<unsigned long long>(share), snapshots);
    std::fflush(stdout);
  }
}
