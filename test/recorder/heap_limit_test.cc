// A heap's limit, and what it tells of itself.
#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <iterator>
#include <map>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include "afterimage/recorder.h"
#include "format/control.h"
#include "heap/foreign_frees.h"
#include "heap_testing.h"

namespace {

using namespace afterimage;

constexpr std::size_t kLimit = std::size_t{8} << 20;

std::size_t blocks_until_full(Heap& heap, std::size_t bytes) {
  std::size_t count = 0;
  while (heap.allocate(bytes) != nullptr) ++count;
  return count;
}

void allocations_fail_beyond_the_limit() {
  TestHeap heap;
  heap->set_limit(kLimit);
  CHECK_EQUAL(heap->statistics().limit_bytes, kLimit);
  void* const large = heap->allocate(kLimit / 2);
  CHECK(large != nullptr);
  errno = 0;
  CHECK(heap->allocate(kLimit / 2 + 1) == nullptr);
  CHECK_EQUAL(errno, ENOMEM);
  CHECK(heap->reallocate(large, kLimit + 1) == nullptr);
  CHECK(blocks_until_full(*heap, 1000) >= kLimit / 2 / 1200);
  CHECK(heap->statistics().touched_bytes <= kLimit);
  CHECK(heap->statistics().failed_allocations >= 3);
  heap->deallocate(large);
  CHECK(heap->allocate(kLimit / 2) != nullptr);
}

void every_heap_fails_at_the_same_call() {
  TestHeap first, second;
  first->set_limit(kLimit);
  second->set_limit(kLimit);
  for (const std::size_t bytes : {24u, 5000u, 100'000u}) CHECK_EQUAL(blocks_until_full(*first, bytes), blocks_until_full(*second, bytes));
  CHECK_EQUAL(first->fingerprint(), second->fingerprint());
}

// The limit does not fall below what is in use.
void a_late_limit_keeps_what_there_is() {
  TestHeap heap;
  char* const block = static_cast<char*>(heap->allocate(4 * kLimit));
  heap->set_limit(kLimit);
  block[4 * kLimit - 1] = 1;
  heap->deallocate(block);
  CHECK(heap->allocate(4 * kLimit) == block);
  CHECK(heap->allocate(100'000) == nullptr);
}

void statistics_equal_an_independent_count(bool kinda_safe) {
  TestHeap heap;
  if (kinda_safe) heap->keep_ids();
  heap->set_report_misuse(false);
  RandomNumbers random;
  std::map<void*, std::size_t> live;
  HeapStatistics counted;
  const auto is_large = [](std::size_t size) { return size > 64 * 1024; };
  for (int i = 0; i < 100'000; ++i) {
    if (random.below(5) < 3 || live.empty()) {
      const std::size_t bytes = random.below(random.below(100) == 0 ? 300'000 : 600);
      void* const block = heap->allocate(bytes);
      live[block] = is_large(bytes) ? bytes : heap->usable_size(block);
      ++counted.allocations;
      counted.large_allocations += is_large(bytes);
    } else {
      const auto victim = std::next(live.begin(), static_cast<std::ptrdiff_t>(random.below(std::min<std::size_t>(live.size(), 50))));
      const bool foreign = random.below(10) == 0;
      if (foreign) std::thread([&] { std::free(victim->first); }).join();
      else heap->deallocate(victim->first);
      if (foreign) CHECK_EQUAL(drain_foreign_frees(*heap), 1u);
      ++counted.frees;
      counted.foreign_frees += foreign;
      counted.large_frees += is_large(victim->second);
      live.erase(victim);
    }
  }
  std::size_t bytes = 0;
  for (const auto& [block, size] : live) bytes += size;
  heap->deallocate(reinterpret_cast<void*>(heap->base() + 4096));  // not a block
  const HeapStatistics statistics = heap->statistics();
  CHECK_EQUAL(statistics.live_blocks, live.size());
  CHECK_EQUAL(statistics.live_bytes, bytes);
  CHECK(statistics.live_bytes + statistics.free_bytes <= statistics.touched_bytes);
  CHECK_EQUAL(statistics.failed_allocations, 0u);
  CHECK_EQUAL(statistics.misuses, 1u);
  CHECK_EQUAL(statistics.large_allocations, counted.large_allocations);
  CHECK_EQUAL(statistics.large_frees, counted.large_frees);
  CHECK_EQUAL(statistics.foreign_frees, counted.foreign_frees);
  CHECK_EQUAL(statistics.allocations, kinda_safe ? counted.allocations : 0);
  CHECK_EQUAL(statistics.frees, kinda_safe ? counted.frees : 0);
}

// The first ones are said on stderr, those that fail on purpose in words of their own.
void what_finds_no_room_is_said() {
  TestHeap heap;
  heap->set_limit(kLimit);
  heap->exchange_event(7);
  const std::string text = stderr_of([&] {
    for (int i = 0; i < 100; ++i) CHECK(heap->allocate(2 * kLimit) == nullptr);
  });
  CHECK(text.starts_with("afterimage: no room for 16384 KiB more in a reactor's heap, which may have 8192 KiB (Options::heap_limit_bytes): "
                         "the allocation fails, in event 6"));
  CHECK_EQUAL(std::ranges::count(text, '\n'), 16);
  CHECK(text.ends_with("; further ones in this heap are not reported\n"));
  CHECK_EQUAL(heap->statistics().refusals, 100u);
  CHECK_EQUAL(heap->statistics().failed_allocations, 100u);

  TestHeap failing;
  failing->fail_allocations({.nth = 1});
  failing->exchange_event(1);
  CHECK(stderr_of([&] { CHECK(failing->allocate(10) == nullptr); }).find("no room") == std::string::npos);
  CHECK_EQUAL(failing->statistics().refusals, 0u);
  CHECK_EQUAL(failing->statistics().failed_allocations, 1u);
}

void a_reactor_gets_bad_alloc_and_goes_on() {
  char directory[] = "/tmp/heap-limit-XXXXXX";
  CHECK(mkdtemp(directory) != nullptr);
  {
    auto recorder = Recorder::open({.directory = directory, .heap_limit_bytes = kLimit});
    auto hoarder = recorder.create<Hoarder>("hoarder");
    for (int i = 0; i < 20; ++i) hoarder.deliver(1'000'000);
    CHECK_EQUAL(hoarder->hoard.size(), 7u);
    CHECK_EQUAL(hoarder->refused, 13);
    CHECK_EQUAL(hoarder.memory().limit_bytes, kLimit);
    CHECK(hoarder.memory().live_bytes >= 7'000'000);
    CHECK_EQUAL(hoarder.memory().refusals, 13u);
    // In the recording, too.
    CHECK_EQUAL(format::read_reactor_slot(recorder.path() + "/control", 0).failures, 13u);
    CHECK(recorder.status().ok());
  }
  std::filesystem::remove_all(directory);
}

}  // namespace

int main() {
  allocations_fail_beyond_the_limit();
  every_heap_fails_at_the_same_call();
  a_late_limit_keeps_what_there_is();
  statistics_equal_an_independent_count(false);
  statistics_equal_an_independent_count(true);
  what_finds_no_room_is_said();
  a_reactor_gets_bad_alloc_and_goes_on();
}
