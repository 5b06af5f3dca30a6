// Compressed snapshots hold what plain ones do; what is damaged in one is refused with a sentence, wherever it is.
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "format/core_file.h"
#include "heap_testing.h"
#include "snapshot/snapshot.h"
#include "temporary_directory.h"

using namespace afterimage;

namespace {

constexpr std::size_t kPage = 4096;
constexpr std::size_t kPages = 1500;  // more than one frame

struct Written {
  std::atomic<bool> done = false;
  std::string path;
  std::uint64_t bytes = 0;
};

SnapshotOrder order_for(const std::string& path, Written* written) {
  SnapshotOrder order{.path = path, .note = {}, .thread_state = {}, .locale = {}, .context = written};
  order.note.version = 1;
  order.note.kind = format::kFull;
  order.on_written = [](void* context, const SnapshotOrder& done, std::uint64_t bytes, const Status& status) noexcept {
    auto* const to = static_cast<Written*>(context);
    CHECK(status.ok());
    to->path = done.path;
    to->bytes = bytes;
    to->done = true;
    to->done.notify_all();
  };
  return order;
}

// By the background thread.
std::string take(Heap& heap, const std::string& path, int compression) {
  SnapshotWriter writer(choose_engine("stop", false).engine, compression);
  Written written;
  CHECK(writer.begin(heap, order_for(path, &written)) == SnapshotWriter::Begun::captured);
  written.done.wait(false);
  writer.let_go(heap);
  CHECK_EQUAL(written.bytes, std::filesystem::file_size(written.path));
  return written.path;
}

std::string content_of(const format::CoreFile& core) {
  std::string content;
  for (const format::CoreLoad& load : core.loads()) {
    const std::size_t at = content.size();
    content.resize(at + load.bytes);
    CHECK_EQUAL(pread(core.descriptor(), content.data() + at, load.bytes, static_cast<off_t>(load.file_offset)),
                static_cast<ssize_t>(load.bytes));
  }
  return content;
}

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void fill(Heap& heap) {
  auto* const words = static_cast<std::uint64_t*>(heap.allocate(kPages * kPage));
  RandomNumbers random;
  for (std::size_t i = 0; i < kPages * kPage / 8; ++i) words[i] = i % 4 == 0 ? random.next() : i;
}

void both_hold_the_same(Heap& heap, const TemporaryDirectory& directory) {
  const std::uint64_t before = heap.fingerprint();
  const std::string plain = take(heap, directory.file("plain"), 0), compressed = take(heap, directory.file("compressed"), 1);
  CHECK(compressed == directory.file("compressed.zst"));
  CHECK(bytes_of(compressed).size() < bytes_of(plain).size() * 3 / 4);
  CHECK_EQUAL(heap.fingerprint(), before);
  format::CoreFile one, other;
  CHECK(one.open(plain).ok() && other.open(compressed).ok());
  CHECK_EQUAL(one.loads().size(), other.loads().size());
  for (int times = 0; times < 2; ++times) {
    CHECK(one.bring_content().ok() && other.bring_content().ok());
    CHECK(content_of(one) == content_of(other));
    one.forget_content();
    other.forget_content();
  }
}

// Either refused with a sentence, or it makes no difference.
void damage_is_told(const std::string& whole, const std::string& path, const std::string& content) {
  std::size_t refused = 0, tried = 0;
  const auto try_with = [&](const std::string& damaged) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << damaged;
    format::CoreFile core;
    Status status = core.open(path);
    if (status.ok()) status = core.bring_content();
    CHECK(status.ok() ? content_of(core) == content : status.message().ends_with("."));
    refused += status.ok() ? 0 : 1;
    ++tried;
  };
  RandomNumbers random;
  for (std::size_t i = 0; i < 40; ++i) {
    std::string damaged = whole;
    damaged[i < 12 ? i : i < 24 ? whole.size() - 1 - i : random.below(whole.size())] ^= 0x55;
    try_with(damaged);
  }
  CHECK(refused + 6 >= tried);  // a few bits mean nothing
  for (std::size_t i = 0; i < 20; ++i) {
    const std::size_t before = refused;
    try_with(whole.substr(0, i == 0 ? whole.size() - 1 : random.below(whole.size())));
    CHECK_EQUAL(refused, before + 1);
  }
}

// One for which the reactor waits is of a later state of the same position.
void a_later_one_takes_its_place(Heap& heap, const TemporaryDirectory& directory) {
  SnapshotWriter writer(choose_engine("stop", false).engine, 1);
  Written written;
  CHECK(writer.begin(heap, order_for(directory.file("0.core"), &written)) == SnapshotWriter::Begun::captured);
  written.done.wait(false);
  CHECK(std::filesystem::exists(directory.file("0.core.zst")));
  CHECK(writer.save_now(heap, order_for(directory.file("0.core"), &written)).ok());
  CHECK(std::filesystem::exists(directory.file("0.core")) && !std::filesystem::exists(directory.file("0.core.zst")));
  writer.let_go(heap);
}

}  // namespace

int main() {
  const TemporaryDirectory directory{"snapshot-compression"};
  TestHeap heap(SlotSize::large);
  fill(*heap);
  both_hold_the_same(*heap, directory);
  format::CoreFile plain;
  CHECK(plain.open(directory.file("plain")).ok());
  damage_is_told(bytes_of(directory.file("compressed.zst")), directory.file("damaged.zst"), content_of(plain));
  a_later_one_takes_its_place(*heap, directory);
}
