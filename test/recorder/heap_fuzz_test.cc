// Random calls against a shadow which knows what must be true: blocks do not overlap, are aligned,
// keep their contents until they are freed, and the heap can name each of them.
#include <malloc.h>

#include <iterator>
#include <map>

#include "heap_testing.h"

using namespace afterimage;

namespace {

struct Content {
  std::size_t bytes;
  unsigned char fill;
};

class Fuzz {
 public:
  explicit Fuzz(SlotSize size) : heap_(size), limit_(size == SlotSize::large ? 20'000'000 : 3'000'000) {}

  void run(unsigned steps) {
    for (unsigned step = 0; step < steps; ++step) {
      // In waves, so that whole spans become free and are used again for another size; the limit
      // keeps a small slot from getting full.
      const bool ebb = step / 10'000 % 2 == 1;
      const bool free_one = shadow_.size() > 8000 || random_.below(8) >= (ebb ? 2 : 7);
      free_one ? free_random() : allocate_random();
      if (step % 30'000 == 0) check_walk();
    }
    check_walk();
    while (!shadow_.empty()) free_random();
    check_walk();
    CHECK_EQUAL(heap_->misuses(), 0u);
  }

 private:
  using Shadow = std::map<std::uintptr_t, Content>;  // in libc's heap

  std::size_t random_size() {
    const std::uint64_t kind = random_.below(100);
    return kind < 70 ? random_.below(300) : kind < 92 ? random_.below(9000) : kind < 99 ? random_.below(100'000)
                                                                                        : random_.below(limit_);
  }

  Shadow::iterator random_block() {
    const std::uintptr_t lowest = shadow_.begin()->first, highest = shadow_.rbegin()->first;
    return shadow_.lower_bound(lowest + random_.below(highest - lowest + 1));
  }

  static void check_content(std::uintptr_t address, Content content, std::size_t bytes) {
    const auto* data = reinterpret_cast<const unsigned char*>(address);
    for (std::size_t i = 0; i < bytes; i += bytes > 512 ? 97 : 1) CHECK(data[i] == content.fill);
  }

  void free_random() {
    if (shadow_.empty()) return;
    const auto block = random_block();
    check_content(block->first, block->second, block->second.bytes);
    const HeapScope scope(*heap_);
    std::free(reinterpret_cast<void*>(block->first));
    const OutsideScope outside;
    shadow_.erase(block);
  }

  void allocate_random() {
    const std::size_t bytes = random_size();
    void* block = nullptr;
    std::size_t alignment = 16;
    switch (random_.below(4)) {
      case 0: block = zeroed(bytes); break;
      case 1:
        alignment = std::size_t{16} << random_.below(14);
        block = aligned(alignment, bytes);
        break;
      case 2: block = shadow_.empty() ? plain(bytes) : reallocated(bytes + 1); break;
      default: block = plain(bytes);
    }
    CHECK(heap_->owns(block));
    CHECK_EQUAL(reinterpret_cast<std::uintptr_t>(block) % alignment, 0u);
    note(reinterpret_cast<std::uintptr_t>(block), bytes);
  }

  void* plain(std::size_t bytes) {
    const HeapScope scope(*heap_);
    return std::malloc(bytes);
  }
  void* zeroed(std::size_t bytes) {
    const HeapScope scope(*heap_);
    auto* const block = static_cast<unsigned char*>(std::calloc(1, bytes));
    for (std::size_t i = 0; i < bytes; ++i) CHECK(block[i] == 0);
    return block;
  }
  void* aligned(std::size_t alignment, std::size_t bytes) {
    const HeapScope scope(*heap_);
    void* block = nullptr;
    CHECK_EQUAL(::posix_memalign(&block, alignment, bytes), 0);
    return block;
  }
  void* reallocated(std::size_t bytes) {
    const auto old = random_block();
    const Content content = old->second;
    void* block = reinterpret_cast<void*>(old->first);
    shadow_.erase(old);
    {
      const HeapScope scope(*heap_);
      block = std::realloc(block, bytes);
    }
    check_content(reinterpret_cast<std::uintptr_t>(block), content, bytes < content.bytes ? bytes : content.bytes);
    return block;
  }

  void note(std::uintptr_t address, std::size_t bytes) {
    CHECK(::malloc_usable_size(reinterpret_cast<void*>(address)) >= bytes);
    const auto fill = static_cast<unsigned char>(random_.next());
    std::memset(reinterpret_cast<void*>(address), fill, bytes);
    const auto [block, is_new] = shadow_.emplace(address, Content{bytes, fill});
    CHECK(is_new);
    if (block != shadow_.begin()) CHECK(std::prev(block)->first + std::prev(block)->second.bytes <= address);
    if (std::next(block) != shadow_.end()) CHECK(address + bytes <= std::next(block)->first);
  }

  void check_walk() {
    std::size_t live = 0;
    std::uintptr_t previous_end = 0;
    heap_->walk([&](const Heap::Block& block) {
      CHECK(block.address >= previous_end);
      previous_end = block.address + block.size;
      const auto known = shadow_.find(block.address);
      CHECK(block.live == (known != shadow_.end()));
      if (block.live) CHECK(block.size >= known->second.bytes);
      live += block.live ? 1 : 0;
      Heap::Block same{};
      CHECK(heap_->locate(previous_end - 1, same));
      CHECK(same.address == block.address && same.size == block.size && same.live == block.live);
    });
    CHECK_EQUAL(live, shadow_.size());
  }

  TestHeap heap_;
  std::size_t limit_;
  RandomNumbers random_;
  Shadow shadow_;
};

}  // namespace

int main() {
  Fuzz(SlotSize::large).run(200'000);
  Fuzz(SlotSize::small).run(100'000);
}
