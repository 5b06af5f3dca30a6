// A heap of gigabytes of which little was ever written: a snapshot takes memory, time and disk for that little.
//
// With every engine, and as a copy made while the reactor waits. What the program gives back (MADV_DONTNEED)
// is zero in the next image.
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "format/core_file.h"
#include "heap_testing.h"
#include "snapshot/snapshot.h"
#include "temporary_directory.h"

using namespace afterimage;

namespace {

constexpr std::size_t kPage = 4096, kMiB = std::size_t{1} << 20;
constexpr std::size_t kBytes = 6144 * kMiB;
constexpr std::size_t kIslands = 48, kIslandPages = 40;
constexpr std::size_t kLittle = 96 * kMiB;  // of memory and of disk; the islands have 7.5 MiB

std::size_t resident_bytes() {
  std::FILE* const file = std::fopen("/proc/self/statm", "r");
  CHECK(file != nullptr);
  unsigned long size = 0, resident = 0;
  CHECK(std::fscanf(file, "%lu %lu", &size, &resident) == 2);
  std::fclose(file);
  return resident * kPage;
}

class Sea {
 public:
  explicit Sea(Heap& heap) : bytes_(static_cast<std::byte*>(heap.allocate(kBytes))) {
    CHECK(bytes_ != nullptr);
    for (std::size_t island = 0; island < kIslands; ++island)
      for (std::size_t page = 0; page < kIslandPages; ++page) std::memset(at(island, page), static_cast<int>(1 + island), kPage);
  }

  void event() {
    *at(random_.below(kIslands), random_.below(kIslandPages)) ^= std::byte{0x80};
    *(bytes_ + kBytes / kIslands * 7 + random_.below(32) * kPage) ^= std::byte{0x80};  // an island that comes to be
  }
  void give_back(std::size_t island) { CHECK(madvise(at(island, 0), kIslandPages * kPage, MADV_DONTNEED) == 0); }

  // The files, a full snapshot and the deltas on it, hold what is here now.
  void check_equals(const std::vector<std::string>& files) const {
    std::vector<format::CoreFile> cores(files.size());
    for (std::size_t i = 0; i < files.size(); ++i) CHECK(cores[i].open(files[i]).ok());
    for (std::size_t island = 0; island < kIslands; ++island)
      for (std::size_t page = 0; page < kIslandPages + 2; ++page) check_page(cores, at(island, page));
  }

 private:
  // They are not at the beginning of huge pages.
  std::byte* at(std::size_t island, std::size_t page) const {
    return bytes_ + kBytes / kIslands * island + (island * 37 + page) * kPage;
  }

  static void check_page(const std::vector<format::CoreFile>& cores, const std::byte* page) {
    std::byte found[2 * kPage] = {};
    const auto begin = reinterpret_cast<std::uintptr_t>(page) & ~(kPage - 1);
    for (const format::CoreFile& core : cores)
      for (const format::CoreLoad& load : core.loads())
        for (std::size_t i = 0; i < 2; ++i) {
          const std::uintptr_t address = begin + i * kPage;
          if (address - load.address >= load.bytes) continue;
          CHECK(pread(core.descriptor(), found + i * kPage, kPage, static_cast<off_t>(load.file_offset + (address - load.address))) == kPage);
        }
    CHECK(std::memcmp(found + (reinterpret_cast<std::uintptr_t>(page) - begin), page, kPage) == 0);
  }

  std::byte* const bytes_;
  RandomNumbers random_;
};

struct Written {
  std::atomic<bool> done = false;
  std::uint32_t kind = 0;
  std::uint64_t bytes = 0;
};

SnapshotOrder order_for(const std::string& path, std::uint64_t position, Written* written) {
  SnapshotOrder order{.path = path, .note = {}, .thread_state = {}, .locale = {}, .context = written};
  order.note.version = 1;
  order.note.kind = format::kFull;
  order.note.position = position;
  order.on_written = [](void* context, const SnapshotOrder& done, std::uint64_t bytes, const Status& status) noexcept {
    auto* const to = static_cast<Written*>(context);
    CHECK(status.ok());
    to->kind = done.note.kind;
    to->bytes = bytes;
    to->done = true;
    to->done.notify_all();
  };
  return order;
}

// Goes on with events until the snapshot's instant, and stands still behind it.
void take(SnapshotWriter& writer, Heap& heap, Sea& sea, const std::string& path, std::uint64_t position, Written& written) {
  written.done = false;
  const SnapshotOrder order = order_for(path, position, &written);
  auto begun = SnapshotWriter::Begun::no;
  while (begun == SnapshotWriter::Begun::no) begun = writer.begin(heap, order);  // the last one is about to be over
  for (bool captured = begun == SnapshotWriter::Begun::captured; !captured;) {
    sea.event();
    captured = writer.is_ready(heap) && writer.finish(heap, order);
  }
  written.done.wait(false);
}

void little_is_copied_and_written(const char* name, bool incremental) {
  EngineChoice choice = choose_engine(name, false, incremental);
  if (!choice.note.empty()) {
    std::fprintf(stderr, "not tested: %s\n", choice.note.c_str());
    return;
  }
  const TemporaryDirectory directory{"sparse-heap"};
  TestHeap heap(SlotSize::large);
  Sea sea(*heap);
  const std::size_t before = resident_bytes();
  SnapshotWriter writer(std::move(choice.engine));
  Written written;
  std::vector<std::string> files;
  for (int i = 0; i < 6; ++i) {
    if (i >= 2) sea.give_back(static_cast<std::size_t>(i));
    take(writer, *heap, sea, directory.file(std::to_string(i)), static_cast<std::uint64_t>(i + 1), written);
    if (written.kind == format::kFull) files.clear();
    files.push_back(directory.file(std::to_string(i)));
    sea.check_equals(files);
    CHECK(written.bytes < kLittle);
  }
  CHECK_EQUAL(files.size(), incremental ? 6u : 1u);
  writer.let_go(*heap);
  CHECK(resident_bytes() < before + kLittle);

  CHECK(writer.save_now(*heap, order_for(directory.file("6"), 7, &written)).ok());
  CHECK(written.bytes < kLittle);
  sea.check_equals({directory.file("6")});
  CHECK(resident_bytes() < before + kLittle);
}

}  // namespace

int main() {
  if (const EngineChoice choice = choose_engine("precopy", true); !choice.note.empty()) {
    std::fprintf(stderr, "%s\n", choice.note.c_str());
    return kSkipped;  // this kernel does not tell which pages have memory
  }
  for (const char* const engine : {"stop", "precopy", "fork", "cow-uffd", "cow-mprotect"}) little_is_copied_and_written(engine, false);
  little_is_copied_and_written("precopy", true);
}
