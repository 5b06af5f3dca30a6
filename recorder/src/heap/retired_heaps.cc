#include "heap/retired_heaps.h"

#include <algorithm>
#include <mutex>
#include <vector>

#include "base/bits.h"
#include "base/out_of_memory.h"
#include "heap/foreign_frees.h"
#include "heap/heap.h"
#include "os/pages.h"

namespace afterimage {
namespace {

struct RetiredHeap {
  std::uintptr_t base;
  std::size_t kept_bytes;
};

constinit std::mutex g_mutex;  // of what follows: a ring
RetiredHeap g_retired[kRetiredHeaps];
std::size_t g_first = 0, g_count = 0, g_kept_bytes = 0;

struct WaitingHeap {
  Heap* heap;
  const void* exception;  // which lives in it
};
// Never destroyed: reactors may end behind main().
std::vector<WaitingHeap>& waiting() {
  static auto& heaps = *new std::vector<WaitingHeap>;
  return heaps;
}

// f(begin, end), ascending, in whole slices: blocks that are in use.
template <typename F>
void for_each_used_slice(const Heap& heap, F&& f) {
  std::uintptr_t last_end = 0;
  heap.walk([&](const Heap::Block& block) {
    if (!block.live) return;
    const std::uintptr_t begin = std::max(align_down(block.address, kSliceBytes), last_end);
    const std::uintptr_t end = align_up(block.address + block.size, kSliceBytes);
    if (begin < end) f(begin, end);
    last_end = std::max(last_end, end);
  });
}

std::size_t used_bytes(const Heap& heap) noexcept {
  std::size_t bytes = 0;
  for_each_used_slice(heap, [&](std::uintptr_t begin, std::uintptr_t end) { bytes += end - begin; });
  return bytes;
}

// Then looking at all blocks would take longer than a program expects of a destructor.
bool is_vast(const Heap& heap) noexcept {
  constexpr std::size_t kVastBytes = std::size_t{1} << 30;
  std::size_t bytes = 0;
  heap.used_ranges([&](std::uintptr_t, std::size_t range) { bytes += range; });
  return bytes > kVastBytes;
}

void release(std::uintptr_t begin, std::uintptr_t end) noexcept {
  if (begin < end) os::release(begin, end - begin);
}

// The heap's own records are before its blocks, and needed until the last one has been seen.
void release_around_used(const Heap& heap) noexcept {
  const std::uintptr_t base = heap.base(), end_of_slot = base + slot_bytes_at(base);
  std::uintptr_t first = 0, last_end = 0;
  for_each_used_slice(heap, [&](std::uintptr_t begin, std::uintptr_t end) {
    if (first == 0) first = begin;
    else release(last_end, begin);
    last_end = end;
  });
  release(last_end, end_of_slot);
  release(base, first);
}

void release_first() noexcept {
  const RetiredHeap& heap = g_retired[g_first];
  os::release(heap.base, slot_bytes_at(heap.base));
  g_kept_bytes -= heap.kept_bytes;
  g_first = (g_first + 1) % kRetiredHeaps;
  --g_count;
}

RetiredHeap& retired(std::size_t i) noexcept { return g_retired[(g_first + i) % kRetiredHeaps]; }

void add(const RetiredHeap& heap) noexcept {
  while (g_count == kRetiredHeaps || g_kept_bytes + heap.kept_bytes > kRetiredBytes) release_first();
  retired(g_count++) = heap;
  g_kept_bytes += heap.kept_bytes;
}

// What is still in use; 0: or too much to look through.
std::size_t bytes_left_in(Heap& heap) noexcept {
  drain_foreign_frees(heap);
  return is_vast(heap) ? 0 : used_bytes(heap);
}

// With the mutex held.
void retire(Heap* heap, std::size_t bytes) noexcept {
  if (bytes == 0 || bytes > kRetiredBytes) return Heap::destroy(heap);
  slot_of(heap).heap.store(nullptr, std::memory_order_release);
  discard_foreign_frees(*heap);  // of this very moment
  release_around_used(*heap);
  add({reinterpret_cast<std::uintptr_t>(heap), bytes});
}

// Whoever has freed an exception was not in its heap.
void retire_those_waiting() noexcept {
  std::erase_if(waiting(), [](const WaitingHeap& it) {
    const bool is_over = drain_foreign_frees(*it.heap) > 0 && !it.heap->is_live_at(it.exception);
    if (is_over) retire(it.heap, bytes_left_in(*it.heap));
    return is_over;
  });
}

}  // namespace

void retire(Heap* heap) noexcept {
  const std::size_t bytes = bytes_left_in(*heap);
  const std::lock_guard lock(g_mutex);
  retire_those_waiting();
  retire(heap, bytes);
}

void retire_after(Heap* heap, const void* exception) noexcept {
  if (!heap->owns(exception)) return retire(heap);
  const std::lock_guard lock(g_mutex);
  retire_those_waiting();
  (void)finds_memory([&] { waiting().push_back({heap, exception}); });  // without memory it stays for good
}

std::mutex& retired_heaps_mutex() noexcept { return g_mutex; }

bool release_retired_heaps() noexcept {
  const std::lock_guard lock(g_mutex);
  const std::size_t before = waiting().size();
  retire_those_waiting();
  if (g_count == 0) return waiting().size() < before;
  while (g_count > 0) release_first();
  return true;
}

void release_retired_heap(std::uintptr_t base) noexcept {
  const std::lock_guard lock(g_mutex);
  for (std::size_t i = 0; i < g_count; ++i)
    while (i < g_count && retired(i).base == base) {
      std::swap(retired(i), retired(0));
      release_first();
    }
}

}  // namespace afterimage
