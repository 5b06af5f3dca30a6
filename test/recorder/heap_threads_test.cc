// Frees find their owner from every thread, and change it only at an event boundary; scopes nest and
// survive exceptions; a forked child can go on.
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "heap_testing.h"

using namespace afterimage;

namespace {

void foreign_frees_wait_for_the_event_boundary() {
  TestHeap heap;
  std::vector<void*> blocks;
  for (std::size_t i = 0; i < 5000; ++i) blocks.push_back(heap->allocate(1 + i));
  const std::uint64_t before = heap->fingerprint();
  for (void* const block : blocks) std::free(block);  // this thread is outside
  CHECK_EQUAL(live_blocks(*heap), 5000u);
  CHECK_EQUAL(heap->fingerprint(), before);

  CHECK_EQUAL(drain_foreign_frees(*heap), 5000u);
  CHECK_EQUAL(live_blocks(*heap), 0u);
  CHECK_EQUAL(drain_foreign_frees(*heap), 0u);
}

void in_a_replay_queued_frees_are_dropped() {
  TestHeap heap;
  std::free(heap->allocate(50));
  discard_foreign_frees(*heap);
  CHECK_EQUAL(drain_foreign_frees(*heap), 0u);
  CHECK_EQUAL(live_blocks(*heap), 1u);
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
      const bool right = heap->owns(block) && drain_foreign_frees(*heap) == 1 && live_blocks(*heap) == 1;
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
  in_a_replay_queued_frees_are_dropped();
  scopes_nest_and_survive_exceptions();
  every_thread_has_its_own_current_heap();
  a_forked_child_can_go_on();
}
