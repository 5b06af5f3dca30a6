// Every engine's image equals a copy made while the reactor stands still at the same instant (snapshot_storm.h).
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "snapshot/precopy_engine.h"
#include "snapshot_storm.h"

using namespace afterimage;

namespace {

const char* const kEngines[] = {"stop", "precopy", "fork", "cow-uffd", "cow-mprotect"};

void images_equal_a_copy_of_the_same_instant(const char* name) {
  auto engine = engine_named(name);
  if (engine == nullptr) return;
  TestHeap heap(SlotSize::large);
  Storm storm(*heap);
  Photographer photographer(std::move(engine));
  const int snapshots = std::getenv("AFTERIMAGE_SOAK") != nullptr ? 1000 : 6;
  for (int i = 0; i < snapshots; ++i) photographer.snapshot(*heap, storm, [] {});
  photographer.writer().let_go(*heap);
}

void system_calls_write_into_the_heap(const char* name) {
  auto engine = engine_named(name, /*kernel_writes=*/true);
  if (engine == nullptr) return;
  const FileDescriptor zeroes(open("/dev/zero", O_RDONLY));
  TestHeap heap(SlotSize::large);
  Storm storm(*heap);
  Photographer photographer(std::move(engine));
  for (int i = 0; i < 2; ++i) photographer.snapshot(*heap, storm, [&] { storm.read_into_heap(zeroes.get()); });
  photographer.writer().let_go(*heap);
}

// The child has all of its memory, and its parent's snapshot is not disturbed.
void the_program_forks_during_a_snapshot(const char* name) {
  auto engine = engine_named(name);
  if (engine == nullptr) return;
  TestHeap heap(SlotSize::large);
  Storm storm(*heap);
  Photographer photographer(std::move(engine));
  int forks = 0;
  for (int i = 0; i < 2; ++i) {
    photographer.snapshot(*heap, storm, [&] {
      if (forks > i) return;
      ++forks;
      const pid_t child = fork();
      if (child == 0) {
        photographer.writer().abandon_after_fork();
        for (std::size_t page = 0; page < kPages; ++page) storm.pages()[page * kPage] = std::byte{1};
        _exit(42);
      }
      int status = 0;
      CHECK_EQUAL(waitpid(child, &status, 0), child);
      CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 42);
    });
  }
  CHECK(forks >= 1);
  photographer.writer().let_go(*heap);
}

// Two reactors take turns; the memory of the one that is gone does not show in the other's image.
void several_heaps_share_an_engine(const char* name) {
  auto engine = engine_named(name);
  if (engine == nullptr) return;
  Photographer photographer(std::move(engine));
  for (int i = 0; i < 2; ++i) {
    TestHeap one(SlotSize::large), other(SlotSize::small);
    Storm storm(*one), other_storm(*other);
    photographer.snapshot(*one, storm, [] {});
    photographer.snapshot(*other, other_storm, [] {});
    photographer.snapshot(*one, storm, [] {});
    photographer.writer().let_go(*one);
    photographer.writer().let_go(*other);
  }
}

// A page that only the program's own handler makes accessible; it knows nothing of snapshots.
std::byte* g_own_page;
volatile sig_atomic_t g_own_faults = 0;

void on_own_fault(int, siginfo_t* info, void*) {
  CHECK(info->si_addr == g_own_page);
  CHECK(mprotect(g_own_page, kPage, PROT_READ | PROT_WRITE) == 0);
  g_own_faults = g_own_faults + 1;
}

// It is installed again and again, as by libraries that are loaded; and it gets all that is not the snapshot's.
void the_program_has_a_handler_for_faults(const char* name) {
  auto engine = engine_named(name);
  if (engine == nullptr) return;
  void* const page = mmap(nullptr, kPage, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(page != MAP_FAILED);
  g_own_page = static_cast<std::byte*>(page);
  TestHeap heap(SlotSize::large);
  Storm storm(*heap);
  Photographer photographer(std::move(engine));
  const int before = g_own_faults;
  int faults = 0;
  struct sigaction previous {};
  for (int i = 0; i < 3; ++i) {
    struct sigaction action {};
    action.sa_sigaction = on_own_fault;
    action.sa_flags = SA_SIGINFO;
    CHECK(sigaction(SIGSEGV, &action, i == 0 ? &previous : nullptr) == 0);
    photographer.snapshot(*heap, storm, [&] {
      if (faults > i) return;
      CHECK(mprotect(page, kPage, PROT_READ) == 0);
      *g_own_page = std::byte{1};
      ++faults;
    });
  }
  CHECK_EQUAL(g_own_faults - before, faults);
  CHECK(sigaction(SIGSEGV, &previous, nullptr) == 0);
  photographer.writer().let_go(*heap);
  munmap(page, kPage);
}

// A program with a quarter of a GiB of variables, of which it writes a few.
constexpr std::size_t kVariablePages = 65'536;
alignas(kPage) std::byte g_variables[kVariablePages * kPage];

std::uint64_t& word_of_variable(std::size_t page) { return *reinterpret_cast<std::uint64_t*>(g_variables + page % kVariablePages * kPage); }

std::vector<std::uint64_t> words_of_variables() {
  std::vector<std::uint64_t> words(kVariablePages);
  for (std::size_t page = 0; page < kVariablePages; ++page) words[page] = word_of_variable(page);
  return words;
}

// Each with its page's number in it, so that none is taken for another.
std::vector<std::uint64_t> words_in_file(const std::string& path) {
  format::CoreFile core;
  CHECK(core.open(path).ok());
  const auto begin = reinterpret_cast<std::uintptr_t>(g_variables);
  std::vector<std::uint64_t> words(kVariablePages);
  for (const format::CoreLoad& load : core.loads()) {
    if (load.address < begin || load.address >= begin + sizeof g_variables) continue;
    for (std::size_t at = 0; at < load.bytes; at += kPage)
      CHECK_EQUAL(pread(core.descriptor(), &words[(load.address - begin + at) / kPage], 8, static_cast<off_t>(load.file_offset + at)), 8);
  }
  return words;
}

void variables_are_copied_before_the_pause(bool incremental) {
  auto engine = engine_named("precopy", true, incremental);
  if (engine == nullptr) return;
  const auto& precopy = static_cast<const PrecopyEngine&>(*engine);
  const TemporaryDirectory directory{"snapshot-engines"};
  TestHeap heap;
  SnapshotWriter writer(std::move(engine));
  for (std::size_t page = 0; page < kVariablePages; page += 3) word_of_variable(page) = page;
  for (std::uint64_t taken = 0, event = 0; taken < 3; ++taken) {
    // The last one with another list, as when a library was loaded.
    if (taken != 1) writer.set_modules({}, {{reinterpret_cast<std::uintptr_t>(g_variables), sizeof g_variables}});
    std::atomic<bool> written = false;
    SnapshotOrder order{.path = directory.file(std::to_string(taken)), .note = {}, .thread_state = {}, .locale = {}, .context = &written};
    order.note.version = 1;
    order.note.kind = format::kFull;
    order.on_written = [](void* context, const SnapshotOrder&, std::uint64_t, const Status& status) noexcept {
      CHECK(status.ok());
      *static_cast<std::atomic<bool>*>(context) = true;
    };
    while (writer.begin(*heap, order) == SnapshotWriter::Begun::no) continue;  // the one before has been told, and is about to be over
    std::vector<std::uint64_t> words;
    while (!written) {
      ++event;
      word_of_variable(taken * 1000 + event % 16 * 7) = event << 16;
      if (!writer.is_ready(*heap)) continue;
      words = words_of_variables();
      if (!writer.finish(*heap, order)) continue;
      CHECK(precopy.pages_in_pause() <= 64);
    }
    CHECK(words_in_file(order.path) == words);
    CHECK(precopy.pages_copied() >= (incremental && taken == 1 ? 1 : kVariablePages));
    CHECK(!incremental || taken != 1 || precopy.pages_copied() < kVariablePages / 8);
  }
  writer.let_go(*heap);
}

// They are small, build on one another, and a full one comes in time.
void deltas_hold_what_has_changed() {
  auto engine = engine_named("precopy", true, /*incremental=*/true);
  if (engine == nullptr) return;
  TestHeap heap(SlotSize::large);
  Storm storm(*heap);
  Photographer photographer(std::move(engine));
  for (std::size_t i = 0; i < 5 * kPages; ++i) storm.event();
  photographer.snapshot(*heap, storm, [] {});
  storm.calm_down(kPages / 20);
  std::size_t deltas = 0, most = 0;
  for (int i = 0; i < 10; ++i) {
    photographer.snapshot(*heap, storm, [] {});
    most = std::max(most, photographer.files().size());
    if (i == 0 || photographer.files().size() == 1) continue;  // the first has what the storm has left
    CHECK(std::filesystem::file_size(photographer.files().back()) < kPages * kPage / 4);
    ++deltas;
  }
  CHECK(deltas >= 5);
  CHECK(most <= 8);
  storm.calm_down(kPages);
  photographer.snapshot(*heap, storm, [] {});
  photographer.writer().let_go(*heap);
}

// Mappings of the program's, as many as a process may have but for `left`.
class Ballast {
 public:
  explicit Ballast(std::size_t left) : memory_(mmap(nullptr, kMappings * kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)) {
    CHECK(memory_ != MAP_FAILED);
    std::size_t used = 1;
    while (used < kMappings && mprotect(page(used), kPage, PROT_READ) == 0) used += 2;
    (void)mprotect(page(used), (kMappings - used) * kPage, PROT_READ);  // when one was left that splitting may have,
    last_ = mmap(nullptr, kPage, PROT_NONE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);  // and one more that it may not
    for (std::size_t i = 0; i < left; i += 2)
      if (used > i + 2) CHECK(mprotect(page(used - 2 - i), kPage, PROT_NONE) == 0);
  }
  ~Ballast() {
    munmap(memory_, kMappings * kPage);
    if (last_ != MAP_FAILED) munmap(last_, kPage);
  }
  Ballast(const Ballast&) = delete;
  Ballast& operator=(const Ballast&) = delete;

 private:
  static constexpr std::size_t kMappings = 65'600;
  std::byte* page(std::size_t i) const { return static_cast<std::byte*>(memory_) + i * kPage; }

  void* const memory_;
  void* last_;
};

// Giving back single pages needs more.
void there_are_no_mappings_left(const char* name) {
  auto engine = engine_named(name);
  if (engine == nullptr) return;
  TestHeap heap(SlotSize::large);
  Storm storm(*heap);
  Photographer photographer(std::move(engine));
  photographer.snapshot(*heap, storm, [] {});
  const Ballast ballast(40);
  for (int i = 0; i < 2; ++i) photographer.snapshot(*heap, storm, [] {});
  photographer.writer().let_go(*heap);
}

// Every other page is written before the copier comes to it: each splits a mapping, until there are none left.
void mappings_end_while_pages_are_written(std::size_t pages, std::size_t left) {
  auto engine = engine_named("cow-mprotect");
  if (engine == nullptr) return;
  TestHeap heap(SlotSize::large);
  auto* const memory = static_cast<std::byte*>(heap->allocate_aligned(kPage, pages * kPage));
  const auto word = [&](const std::byte* in, std::size_t page) { return reinterpret_cast<const std::uint64_t*>(in)[page * kPage / 8]; };
  const auto write_to = [&](std::size_t page, std::uint64_t value) { reinterpret_cast<std::uint64_t*>(memory)[page * kPage / 8] = value; };
  for (std::size_t page = 0; page < pages; ++page) write_to(page, page + 1);
  Image image(engine->sharing());
  CHECK_EQUAL(image.attach(*heap), 0);
  image.list_ranges(*heap);
  const Ballast ballast(left);
  CHECK_EQUAL(engine->begin(*heap, image), 0);
  for (std::size_t page = 0; page < pages; page += 2) write_to(page, 0);
  const std::atomic<bool> cancelled = false;
  CHECK(engine->work(cancelled) == SnapshotEngine::Progress::complete);
  const std::byte* const copy = image.at(reinterpret_cast<std::uintptr_t>(memory));
  for (std::size_t page = 0; page < pages; ++page) CHECK_EQUAL(word(copy, page), page + 1);
  for (std::size_t page = 0; page < pages; ++page) CHECK_EQUAL(word(memory, page), page % 2 == 0 ? 0 : page + 1);
  for (std::size_t page = 1; page < pages; page += 2) write_to(page, 0);  // all are given back
}

// Not even one, for the copy as a whole: then the reactor waits while its snapshot is written.
void a_copy_finds_no_mapping(const char* name) {
  auto engine = engine_named(name);
  if (engine == nullptr) return;
  const TemporaryDirectory directory{"snapshot-engines"};
  TestHeap heap(SlotSize::large);
  Storm storm(*heap);
  storm.event();
  SnapshotWriter writer(std::move(engine));
  Reference reference(*heap);
  SnapshotOrder order{.path = directory.file("snapshot"), .note = {}, .thread_state = {}, .locale = {}};
  order.note.version = 1;
  order.note.kind = format::kFull;
  {
    const Ballast ballast(0);
    CHECK(writer.begin(*heap, order) == SnapshotWriter::Begun::no_room);
    CHECK(writer.save_now(*heap, order).ok());
  }
  reference.check_equals({order.path});
}

}  // namespace

int main(int, char** arguments) {
  for (const char* const engine : kEngines) {
    if (arguments[1] != nullptr && std::strcmp(arguments[1], engine) != 0) continue;
    images_equal_a_copy_of_the_same_instant(engine);
    system_calls_write_into_the_heap(engine);
    the_program_forks_during_a_snapshot(engine);
    several_heaps_share_an_engine(engine);
    the_program_has_a_handler_for_faults(engine);
    there_are_no_mappings_left(engine);
    a_copy_finds_no_mapping(engine);
  }
  mappings_end_while_pages_are_written(/*pages=*/8192, /*left=*/2000);
  if (std::getenv("AFTERIMAGE_SOAK") != nullptr) mappings_end_while_pages_are_written(std::size_t{1} << 18, 60'000);
  deltas_hold_what_has_changed();
  variables_are_copied_before_the_pause(/*incremental=*/false);
  variables_are_copied_before_the_pause(/*incremental=*/true);
}
