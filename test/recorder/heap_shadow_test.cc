// Four threads, each in a heap of its own, free each other's blocks at random, under a shadow that knows every live block:
// none is handed out twice, none overlaps another, and each still holds what its owner has written when it is freed.
//
// AFTERIMAGE_FREES: how many blocks each thread allocates (default 50,000).
#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "heap_testing.h"
#include "kills.h"

using namespace afterimage;

namespace {

constexpr std::size_t kThreads = 4, kMailbox = 512;

struct Block {
  unsigned char* data = nullptr;
  std::size_t bytes = 0;
  std::uint64_t pattern = 0;
};

unsigned char byte_at(const Block& block, std::size_t i) { return static_cast<unsigned char>(block.pattern >> (i % 8 * 8) ^ i); }

// All live blocks, in memory that is not of the heaps.
class Shadow {
 public:
  void born(const Block& block) {
    const OutsideScope outside;
    const std::lock_guard lock(mutex_);
    const auto address = reinterpret_cast<std::uintptr_t>(block.data);
    const auto next = live_.lower_bound(address);
    CHECK(next == live_.end() || address + block.bytes <= next->first);
    CHECK(next == live_.begin() || std::prev(next)->second <= address);
    live_.emplace_hint(next, address, address + block.bytes);
  }
  void dies(const Block& block) {
    const OutsideScope outside;
    const std::lock_guard lock(mutex_);
    CHECK_EQUAL(live_.erase(reinterpret_cast<std::uintptr_t>(block.data)), 1u);
  }
  std::size_t live() const { return live_.size(); }

 private:
  std::mutex mutex_;
  std::map<std::uintptr_t, std::uintptr_t> live_;  // from, to
};

// Blocks on their way to another thread; one place holds one.
struct Mailbox {
  std::array<std::atomic<Block*>, kMailbox> places{};
};

struct Scene {
  std::array<std::unique_ptr<TestHeap>, kThreads> heaps;
  std::array<Shadow, kThreads> shadows;
  std::array<Mailbox, kThreads> mailboxes;
  std::atomic<std::uint64_t> frees{0};
};

std::size_t owner_of(const Scene& scene, const Block& block) {
  std::size_t owner = 0;
  while (owner < kThreads && !(*scene.heaps[owner])->owns(block.data)) ++owner;
  CHECK(owner < kThreads);
  return owner;
}

// From whichever thread.
void free_block(Scene& scene, const Block& block) {
  for (std::size_t i = 0; i < block.bytes; ++i) CHECK(block.data[i] == byte_at(block, i));
  scene.shadows[owner_of(scene, block)].dies(block);
  std::free(block.data);
  scene.frees.fetch_add(1, std::memory_order_relaxed);
}

Block allocate(Scene& scene, std::size_t self, RandomNumbers& random) {
  Block block{.bytes = 1 + random.below(random.below(50) == 0 ? 50'000 : 400), .pattern = random.next()};
  {
    const HeapScope scope(**scene.heaps[self]);
    block.data = static_cast<unsigned char*>(std::malloc(block.bytes));
  }
  CHECK((*scene.heaps[self])->owns(block.data));
  scene.shadows[self].born(block);
  for (std::size_t i = 0; i < block.bytes; ++i) block.data[i] = byte_at(block, i);
  return block;
}

void work(Scene& scene, std::size_t self, std::uint64_t steps) {
  RandomNumbers random(self + 1);
  for (std::uint64_t step = 0; step < steps; ++step) {
    auto sent = std::make_unique<Block>(allocate(scene, self, random));
    auto& place = scene.mailboxes[random.below(kThreads)].places[random.below(kMailbox)];
    if (const std::unique_ptr<Block> there{place.exchange(sent.release())}) free_block(scene, *there);
    if (step % 1000 == 0) drain_foreign_frees(**scene.heaps[self]);
  }
}

void check_that_all_is_free(Scene& scene) {
  for (Mailbox& mailbox : scene.mailboxes)
    for (auto& place : mailbox.places)
      if (const std::unique_ptr<Block> left{place.exchange(nullptr)}) free_block(scene, *left);
  for (std::size_t i = 0; i < kThreads; ++i) {
    Heap& heap = **scene.heaps[i];
    drain_foreign_frees(heap);
    CHECK_EQUAL(scene.shadows[i].live(), 0u);
    CHECK_EQUAL(live_blocks(heap), 0u);
    CHECK_EQUAL(heap.misuses(), 0u);
  }
}

}  // namespace

int main() {
  const std::uint64_t steps = repetitions("AFTERIMAGE_FREES", 50'000);
  const auto scene = std::make_unique<Scene>();
  for (auto& heap : scene->heaps) heap = std::make_unique<TestHeap>();
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < kThreads; ++i) threads.emplace_back(work, std::ref(*scene), i, steps);
  for (auto& thread : threads) thread.join();
  check_that_all_is_free(*scene);
  CHECK_EQUAL(scene->frees.load(), kThreads * steps);
  std::printf("%llu blocks freed across owners\n", static_cast<unsigned long long>(kThreads * steps));
}
