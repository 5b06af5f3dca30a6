// test/recorder/heap_testing.h: heaps for tests, and who fills them.
#pragma once

#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <new>
#include <string>
#include <vector>

#include "check.h"
#include "heap/heap.h"

namespace afterimage {

// A heap for the length of a scope.
class TestHeap {
 public:
  explicit TestHeap(SlotSize size = SlotSize::small) {
    int error = 0;
    heap_ = Heap::create(size, error);
    if (heap_ == nullptr) std::fprintf(stderr, "Heap::create: %s\n", std::strerror(error));
    CHECK(heap_ != nullptr);
  }
  ~TestHeap() { Heap::destroy(heap_); }
  TestHeap(const TestHeap&) = delete;
  TestHeap& operator=(const TestHeap&) = delete;

  Heap& operator*() const noexcept { return *heap_; }
  Heap* operator->() const noexcept { return heap_; }

 private:
  Heap* heap_;
};

inline std::size_t live_blocks(const Heap& heap) {
  std::size_t count = 0;
  heap.walk([&](const Heap::Block& block) { count += block.live ? 1 : 0; });
  return count;
}

// What `action` writes to stderr.
template <class F>
std::string stderr_of(F&& action) {
  FILE* const file = std::tmpfile();
  const int saved = ::dup(STDERR_FILENO);
  CHECK(file != nullptr && saved >= 0 && ::dup2(::fileno(file), STDERR_FILENO) >= 0);
  action();
  CHECK(::dup2(saved, STDERR_FILENO) >= 0 && ::close(saved) == 0);
  std::string text(16384, '\0');
  std::rewind(file);
  text.resize(std::fread(text.data(), 1, text.size(), file));
  std::fclose(file);
  return text;
}

// A reactor that asks for memory and keeps it, and goes on without.
struct Hoarder {
  std::vector<std::vector<char>> hoard;
  int refused = 0;

  void react(const int& bytes) {
    try {
      hoard.emplace_back(static_cast<std::size_t>(bytes));
    } catch (const std::bad_alloc&) {
      ++refused;
    }
  }
};

}  // namespace afterimage
