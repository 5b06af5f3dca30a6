// Frees find their owner from every thread, and change it only at an event boundary; scopes nest and
// survive exceptions; a forked child can go on.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "heap_testing.h"

using namespace afterimage;

namespace {

using Addresses = std::vector<std::uint64_t>;

void append_batch(void* context, const std::uint64_t* addresses, std::size_t count) {
  CHECK(count > 0 && count <= kForeignFreeBatch);
  auto& all = *static_cast<Addresses*>(context);
  all.insert(all.end(), addresses, addresses + count);
}

void foreign_frees_wait_for_the_event_boundary() {
  TestHeap heap;
  Addresses blocks;
  for (std::size_t i = 0; i < 5000; ++i) blocks.push_back(reinterpret_cast<std::uintptr_t>(heap->allocate(1 + i)));
  const std::uint64_t before = heap->fingerprint();
  for (const std::uint64_t block : blocks) std::free(reinterpret_cast<void*>(block));  // this thread is outside
  CHECK_EQUAL(live_blocks(*heap), 5000u);
  CHECK_EQUAL(heap->fingerprint(), before);

  Addresses drained;
  CHECK_EQUAL(drain_foreign_frees(*heap, append_batch, &drained), 5000u);
  CHECK(drained == blocks);  // oldest first
  CHECK_EQUAL(live_blocks(*heap), 0u);
  CHECK_EQUAL(drain_foreign_frees(*heap, append_batch, &drained), 0u);
}

struct Reporting {
  Heap* heap;
  std::size_t live_at_report;
};

void a_batch_is_reported_before_it_is_freed() {
  TestHeap heap;
  for (int i = 0; i < 10; ++i) std::free(heap->allocate(50));
  Reporting seen{&*heap, 0};
  drain_foreign_frees(*heap, [](void* context, const std::uint64_t*, std::size_t) {
    auto& reporting = *static_cast<Reporting*>(context);
    reporting.live_at_report = live_blocks(*reporting.heap);
  }, &seen);
  CHECK_EQUAL(seen.live_at_report, 10u);
}

void in_a_replay_queued_frees_are_dropped() {
  TestHeap heap;
  std::free(heap->allocate(50));
  discard_foreign_frees(*heap);
  CHECK_EQUAL(drain_foreign_frees(*heap, nullptr, nullptr), 0u);
  CHECK_EQUAL(live_blocks(*heap), 1u);
}

// Each thread works in a heap of its own and hands every other block to the next thread.
void four_threads_free_each_others_blocks() {
  constexpr std::size_t kThreads = 4, kSteps = 50'000, kMailbox = 512;
  struct Mailbox {
    std::array<std::atomic<unsigned char*>, kMailbox> places{};
  };
  const auto mailboxes = std::make_unique<std::array<Mailbox, kThreads>>();
  std::array<std::unique_ptr<TestHeap>, kThreads> heaps;
  for (auto& heap : heaps) heap = std::make_unique<TestHeap>();

  const auto work = [&](std::size_t self) {
    RandomNumbers random(self + 1);
    Heap& heap = **heaps[self];
    for (std::size_t step = 0; step < kSteps; ++step) {
      const std::size_t bytes = 16 + random.below(random.below(50) == 0 ? 100'000 : 500);
      unsigned char* block = nullptr;
      {
        const HeapScope scope(heap);
        block = static_cast<unsigned char*>(std::malloc(bytes));
      }
      CHECK(heap.owns(block));
      std::memset(block, static_cast<int>(bytes & 0xff), 16);
      const std::size_t place = random.below(kMailbox);
      auto* const received = (*mailboxes)[self].places[place].exchange(nullptr);
      if (received != nullptr) {
        CHECK(received[0] == received[15]);  // nobody has touched or reused it
        std::free(received);
      }
      block = (*mailboxes)[(self + 1 + random.below(kThreads - 1)) % kThreads].places[place].exchange(block);
      if (block != nullptr && random.below(2) == 0) {
        const HeapScope scope(heap);
        block = static_cast<unsigned char*>(std::realloc(block, 40));
        CHECK(heap.owns(block) && block[0] == block[15]);
      }
      std::free(block);
      if (step % 1000 == 0) drain_foreign_frees(heap, nullptr, nullptr);
    }
  };
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < kThreads; ++i) threads.emplace_back(work, i);
  for (auto& thread : threads) thread.join();

  for (auto& mailbox : *mailboxes) {
    for (auto& place : mailbox.places) std::free(place.load());
  }
  for (auto& heap : heaps) {
    drain_foreign_frees(**heap, nullptr, nullptr);
    CHECK_EQUAL(live_blocks(**heap), 0u);
    CHECK_EQUAL((*heap)->misuses(), 0u);
  }
}

void scopes_nest_and_survive_exceptions() {
  TestHeap first, second;
  CHECK(current_heap() == nullptr);
  {
    const HeapScope outer(*first);
    try {
      const HeapScope inner(*second);
      const OutsideScope outside;
      CHECK(current_heap() == nullptr);
      const HeapScope innermost(*first);
      CHECK(current_heap() == &*first);
      throw std::string("a text that is too long for the small string buffer");
    } catch (const std::string& text) {
      CHECK(current_heap() == &*first);
      CHECK(first->owns(text.data()));
    }
    CHECK(current_heap() == &*first);
  }
  CHECK(current_heap() == nullptr);
  CHECK_EQUAL(live_blocks(*first), 0u);
}

void every_thread_has_its_own_current_heap() {
  TestHeap heap;
  void* block = nullptr;
  // The thread itself is made outside: what pthread_create allocates is libc's business.
  const HeapScope scope(*heap);
  std::unique_ptr<std::thread> thread;
  {
    const OutsideScope outside;
    thread = std::make_unique<std::thread>([&] { block = std::malloc(10); });
  }
  thread->join();
  CHECK(heap_of(block) == nullptr);
  std::free(block);
  const OutsideScope outside;
  thread.reset();
}

void a_forked_child_can_go_on() {
  TestHeap heap;
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] {
      while (!stop) std::free(std::malloc(100));
    });
  }
  void* const inherited = heap->allocate(100);
  for (int round = 0; round < 20; ++round) {
    const pid_t child = ::fork();
    CHECK(child >= 0);
    if (child == 0) {
      std::free(inherited);  // foreign: queued
      const HeapScope scope(*heap);
      void* const block = std::malloc(1000);
      const bool right = heap->owns(block) && drain_foreign_frees(*heap, nullptr, nullptr) == 1 && live_blocks(*heap) == 1;
      std::free(block);
      ::_exit(right ? 0 : 1);
    }
    int status = -1;
    CHECK(::waitpid(child, &status, 0) == child);
    CHECK_EQUAL(status, 0);
  }
  stop = true;
  for (auto& thread : threads) thread.join();
  CHECK_EQUAL(live_blocks(*heap), 1u);
}

}  // namespace

int main() {
  foreign_frees_wait_for_the_event_boundary();
  a_batch_is_reported_before_it_is_freed();
  in_a_replay_queued_frees_are_dropped();
  four_threads_free_each_others_blocks();
  scopes_nest_and_survive_exceptions();
  every_thread_has_its_own_current_heap();
  a_forked_child_can_go_on();
}
