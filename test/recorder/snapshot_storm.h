// test/recorder/snapshot_storm.h: a reactor that never stands still, and whoever takes snapshots of it and checks them.
//
// The reactor here is a loop on a heap. Where the instant may be, the loop makes a plain copy of its own, and then goes on
// writing. The file that appears later must be byte for byte that copy.
#pragma once
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "format/core_file.h"
#include "heap_testing.h"
#include "snapshot/snapshot.h"
#include "temporary_directory.h"

namespace afterimage {

inline constexpr std::size_t kPage = 4096;
inline constexpr std::size_t kPages = 4000;
inline constexpr std::uint64_t kWritesPerEvent = 4;

// What the heap held, page by page.
class Reference {
 public:
  explicit Reference(const Heap& heap) {
    heap.used_ranges([&](std::uintptr_t address, std::size_t bytes) {
      const auto* const from = reinterpret_cast<const std::byte*>(address);
      ranges_[address].assign(from, from + bytes);
    });
  }

  // `files`: a full snapshot and the deltas on top of it. Zeroes where they have nothing.
  void check_equals(const std::vector<std::string>& files) {
    for (auto& [address, bytes] : ranges_) {
      std::vector<std::byte> image(bytes.size());
      for (const std::string& path : files) load(path, address, image);
      for (std::size_t at = 0; at < bytes.size(); at += kPage)
        if (std::memcmp(image.data() + at, bytes.data() + at, kPage) != 0) {
          std::fprintf(stderr, "page %#zx differs\n", static_cast<std::size_t>(address + at));
          CHECK(false);
        }
    }
  }

 private:
  static void load(const std::string& path, std::uintptr_t address, std::vector<std::byte>& image) {
    format::CoreFile core;
    const Status opened = core.open(path);
    if (!opened) std::fprintf(stderr, "%s\n", opened.message().c_str());
    CHECK(opened.ok());
    for (const format::CoreLoad& load : core.loads()) {  // one may go on from a range into the next
      const std::uintptr_t from = std::max(load.address, address), to = std::min(load.address + load.bytes, address + image.size());
      if (from >= to) continue;
      CHECK(pread(core.descriptor(), image.data() + (from - address), to - from,
                  static_cast<off_t>(load.file_offset + (from - load.address))) == static_cast<ssize_t>(to - from));
    }
  }

  std::map<std::uintptr_t, std::vector<std::byte>> ranges_;
};

// A reactor that writes all over its heap, and grows and shrinks.
class Storm {
 public:
  explicit Storm(Heap& heap) : heap_(heap), pages_(static_cast<std::byte*>(heap.allocate(kPages * kPage))) {
    CHECK(pages_ != nullptr);
  }

  // Goes on in this part of the pages only, and without growing.
  void calm_down(std::size_t pages) { pages_written_ = pages; }

  void event() {
    ++events_;
    for (std::uint64_t i = 0; i < kWritesPerEvent; ++i) {
      auto* const words = reinterpret_cast<std::uint64_t*>(pages_ + random_.below(pages_written_) * kPage);
      words[0] = events_;
      words[1] += 1;
      words[2 + random_.below(510)] ^= events_;
    }
    if (events_ % 50 == 0 && pages_written_ == kPages) grow_or_shrink();
  }

  // A system call that writes over several pages.
  void read_into_heap(int zeroes) {
    std::byte* const to = pages_ + random_.below(kPages - 4) * kPage + 2000;
    CHECK_EQUAL(read(zeroes, to, 3 * kPage), static_cast<ssize_t>(3 * kPage));
  }

  std::uint64_t events() const { return events_; }
  std::byte* pages() const { return pages_; }

 private:
  void grow_or_shrink() {
    void*& block = blocks_[random_.below(16)];
    const std::size_t bytes = random_.below(3 * 64 * 1024);
    block = heap_.reallocate(block, bytes);
    std::memset(block, static_cast<int>(events_), bytes);
    void*& other = blocks_[random_.below(16)];
    heap_.deallocate(other);
    other = nullptr;
  }

  Heap& heap_;
  std::byte* const pages_;
  void* blocks_[16] = {};
  std::uint64_t events_ = 0;
  std::size_t pages_written_ = kPages;
  RandomNumbers random_;
};

// Takes one snapshot after the other, at event boundaries.
class Photographer {
 public:
  explicit Photographer(std::unique_ptr<SnapshotEngine> engine) : writer_(std::move(engine)) {}

  // Runs events until the next snapshot is on disk, and checks it. `during` is called after each event while one is on its way,
  // and at least once.
  template <class During>
  void snapshot(Heap& heap, Storm& storm, During&& during) {
    written_ = false;
    SnapshotOrder order{.path = directory_.file(std::to_string(++taken_)), .note = {}, .thread_state = {}, .locale = {}, .on_written = on_written, .context = this};
    order.note.version = 1;
    order.note.kind = format::kFull;
    std::unique_ptr<Reference> reference;
    while (!written_) {
      storm.event();
      order.note.position = storm.events();
      const bool ready = writer_.is_ready(heap), idle = reference == nullptr && !writer_.is_busy();
      if (ready || idle) {
        auto now = std::make_unique<Reference>(heap);  // before the engine: it would be done before the storm goes on
        if (ready ? writer_.finish(heap, order) : writer_.begin(heap, order) == SnapshotWriter::Begun::captured) {
          CHECK(reference == nullptr);
          reference = std::move(now);
        }
      }
      if (reference != nullptr || writer_.is_busy()) during();
    }
    CHECK(reference != nullptr);
    if (written_kind_ == format::kFull) files_.clear();
    files_.push_back(order.path);
    reference->check_equals(files_);
  }
  // A full snapshot and the deltas since.
  std::vector<std::string> files() const { return files_; }

  SnapshotWriter& writer() { return writer_; }

 private:
  static void on_written(void* context, const SnapshotOrder& order, std::uint64_t, const Status& status) noexcept {
    if (!status) std::fprintf(stderr, "%s\n", status.message().c_str());
    CHECK(status.ok());
    auto* const self = static_cast<Photographer*>(context);
    self->written_kind_ = order.note.kind;
    self->written_ = true;
  }

  TemporaryDirectory directory_{"snapshot-engines"};
  std::atomic<bool> written_ = false;
  std::uint32_t written_kind_ = 0;
  std::vector<std::string> files_;
  int taken_ = 0;
  SnapshotWriter writer_;  // last: it calls on_written
};

inline std::unique_ptr<SnapshotEngine> engine_named(const char* name, bool kernel_writes = false, bool incremental = false) {
  EngineChoice choice = choose_engine(name, kernel_writes, incremental);
  if (choice.note.empty()) {
    CHECK(std::strcmp(choice.engine->name(), name) == 0);
    return std::move(choice.engine);
  }
  std::fprintf(stderr, "not tested: %s\n", choice.note.c_str());
  return nullptr;
}

}  // namespace afterimage
