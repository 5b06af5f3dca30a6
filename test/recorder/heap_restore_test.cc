// The used ranges of a heap, and nothing else, mapped back in a fresh process: the next 100,000 events
// get the same addresses, read the same uninitialised memory, and end with the same fingerprint.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "heap_testing.h"

using namespace afterimage;

namespace {

// Uses memory the way reactors do, and digests what it must not be able to tell from the recording:
// addresses, and what is in memory it did not initialise.
class Orders {
 public:
  void react(std::uint64_t event) {
    const auto [order, is_new] = orders_.try_emplace(event % 50'000, "order number " + std::to_string(event));
    mix_address(order->second.data());
    auto& items = index_["user number " + std::to_string(event % 5'000)];
    items.push_back(event);
    mix_address(items.data());
    if (items.size() > 40) index_.erase("user number " + std::to_string(event % 5'000));
    if (event % 3 == 0) orders_.erase(event * 7 % 50'000);
    const std::size_t bytes = 64 + event % (event % 100 == 0 ? 3'000'000 : 100'000);
    const std::unique_ptr<unsigned char[]> scratch(new unsigned char[bytes]);
    mix_address(scratch.get());
    auto* const raw = static_cast<volatile unsigned char*>(scratch.get());
    for (const std::size_t at : {bytes / 2, bytes - 1}) {
      mix(raw[at]);
      raw[at] = static_cast<unsigned char>(event);
    }
  }

  std::uint64_t digest() const { return digest_; }

 private:
  void mix(std::uint64_t value) { digest_ = (digest_ ^ value) * 1099511628211u; }
  void mix_address(const void* address) { mix(reinterpret_cast<std::uintptr_t>(address)); }

  std::uint64_t digest_ = 14695981039346656037u;
  std::map<std::uint64_t, std::string> orders_;
  std::unordered_map<std::string, std::vector<std::uint64_t>> index_;
};

constexpr std::uint64_t kEventsBefore = 100'000, kEventsAfter = 100'000;

struct Range {
  std::uint64_t address, bytes;
};
struct Outcome {
  std::uint64_t fingerprint, digest;
};

void write_all(int file, const void* data, std::size_t bytes) {
  for (std::size_t done = 0; done < bytes;) {
    const ssize_t now = ::write(file, static_cast<const char*>(data) + done, bytes - done);
    CHECK(now > 0);
    done += static_cast<std::size_t>(now);
  }
}

void read_all(int file, void* data, std::size_t bytes) {
  for (std::size_t done = 0; done < bytes;) {
    const ssize_t now = ::read(file, static_cast<char*>(data) + done, bytes - done);
    CHECK(now > 0);
    done += static_cast<std::size_t>(now);
  }
}

// Checks on the way what a snapshot may rely on.
std::vector<Range> ranges_of(const Heap& heap) {
  std::vector<Range> ranges;
  std::uint64_t previous_end = heap.base();
  heap.used_ranges([&](std::uintptr_t address, std::size_t bytes) {
    CHECK(address % 4096 == 0 && bytes % 4096 == 0 && bytes > 0);
    CHECK(address >= previous_end);
    previous_end = address + bytes;
    ranges.push_back({address, bytes});
  });
  CHECK(previous_end <= heap.base() + heap.slot_bytes());
  return ranges;
}

Outcome go_on(Heap& heap) {
  auto* const orders = reinterpret_cast<Orders*>(heap.object());
  const HeapScope scope(heap);
  for (std::uint64_t event = 0; event < kEventsAfter; ++event) orders->react(777 + event * 31);
  return {heap.fingerprint(), orders->digest()};
}

void save(const Heap& heap, int file) {
  const std::vector<Range> ranges = ranges_of(heap);
  const std::uint64_t head[] = {heap.base(), heap.slot_bytes(), ranges.size()};
  write_all(file, head, sizeof head);
  for (const Range& range : ranges) {
    write_all(file, &range, sizeof range);
    write_all(file, reinterpret_cast<const void*>(range.address), range.bytes);
  }
}

int replay(int file, int result) {
  std::uint64_t head[3];
  read_all(file, head, sizeof head);
  int error = 0;
  Heap* const heap = Heap::reserve_at(head[0], head[1], error);
  CHECK(heap != nullptr);
  CHECK(!heap->is_valid());
  for (std::uint64_t i = 0; i < head[2]; ++i) {
    Range range{};
    read_all(file, &range, sizeof range);
    read_all(file, reinterpret_cast<void*>(range.address), range.bytes);
  }
  CHECK(heap->is_valid());
  const Outcome outcome = go_on(*heap);
  write_all(result, &outcome, sizeof outcome);
  return 0;
}

Outcome in_fresh_process(int snapshot) {
  int ends[2];
  CHECK(::pipe(ends) == 0);
  const pid_t child = ::fork();
  CHECK(child >= 0);
  if (child == 0) {
    const std::string file = std::to_string(snapshot), result = std::to_string(ends[1]);
    ::execl("/proc/self/exe", "heap_restore_test", "--replay", file.c_str(), result.c_str(), nullptr);
    ::_exit(127);
  }
  ::close(ends[1]);
  Outcome outcome{};
  read_all(ends[0], &outcome, sizeof outcome);
  int status = -1;
  CHECK(::waitpid(child, &status, 0) == child);
  CHECK_EQUAL(status, 0);
  ::close(ends[0]);
  return outcome;
}

void the_restored_heap_goes_on_alike(SlotSize size) {
  TestHeap heap(size);
  {
    const HeapScope scope(*heap);
    auto* const orders = new Orders;
    heap->set_object(orders);
    for (std::uint64_t event = 0; event < kEventsBefore; ++event) orders->react(event * 2654435761u % 1'000'003);
  }
  FILE* const snapshot = std::tmpfile();
  CHECK(snapshot != nullptr);
  save(*heap, ::fileno(snapshot));
  CHECK(::lseek(::fileno(snapshot), 0, SEEK_SET) == 0);

  const Outcome recorded = go_on(*heap);
  const Outcome replayed = in_fresh_process(::fileno(snapshot));
  CHECK_EQUAL(replayed.digest, recorded.digest);
  CHECK_EQUAL(replayed.fingerprint, recorded.fingerprint);
  std::fclose(snapshot);
}

// Otherwise an empty heap would make every snapshot large.
void an_empty_heap_is_small() {
  TestHeap small(SlotSize::small), large(SlotSize::large);
  for (const TestHeap* heap : {&small, &large}) {
    std::size_t bytes = 0;
    for (const Range& range : ranges_of(**heap)) bytes += range.bytes;
    CHECK(bytes <= Heap::kInboxBytes + 8 * 4096);
  }
}

void the_ranges_of_a_full_heap_do_not_overlap() {
  for (const SlotSize size : {SlotSize::small, SlotSize::large}) {
    TestHeap heap(size);
    std::size_t bytes = heap->slot_bytes();
    while (heap->allocate(bytes) == nullptr) bytes -= std::size_t{1} << 20;
    while (heap->allocate(65536) != nullptr) continue;
    const std::vector<Range> ranges = ranges_of(*heap);
    CHECK_EQUAL(ranges.back().address + ranges.back().bytes, heap->base() + heap->slot_bytes());
  }
}

// What react() reads in memory that it has freed, or has got again, must be the same in the replay.
void pages_that_are_free_again_are_saved() {
  constexpr std::size_t kBlocks = 100'000, kFreed = kBlocks / 10 * 9, kBytes = 100;
  TestHeap heap;
  std::vector<std::byte*> blocks(kBlocks);
  for (std::byte*& block : blocks) {
    block = static_cast<std::byte*>(heap->allocate(kBytes));
    std::memset(block, 7, kBytes);
  }
  for (std::size_t i = 0; i < kFreed; ++i) heap->deallocate(blocks[i]);
  std::size_t free_pages = 0, freed_blocks = 0;
  for (const Range& range : ranges_of(*heap)) {
    for (std::uintptr_t page = range.address; page != range.address + range.bytes; page += 4096) free_pages += heap->is_free_page(page);
    for (std::size_t i = 0; i < kFreed; ++i) freed_blocks += reinterpret_cast<std::uintptr_t>(blocks[i]) - range.address < range.bytes;
  }
  CHECK(free_pages * 4096 > kFreed * kBytes / 10 * 9);
  CHECK_EQUAL(freed_blocks, kFreed);
  for (std::size_t i = 0; i < kFreed; ++i) CHECK(blocks[i][0] == std::byte{7} && blocks[i][kBytes - 1] == std::byte{7});
  const auto* const again = static_cast<const std::byte*>(heap->allocate(kBytes));
  CHECK(again[0] == std::byte{7} && again[kBytes - 1] == std::byte{7});
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 4) return replay(std::atoi(argv[2]), std::atoi(argv[3]));
  the_restored_heap_goes_on_alike(SlotSize::small);
  the_restored_heap_goes_on_alike(SlotSize::large);
  an_empty_heap_is_small();
  the_ranges_of_a_full_heap_do_not_overlap();
  pages_that_are_free_again_are_saved();
}
