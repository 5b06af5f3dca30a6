#include "heap/foreign_frees.h"

#include <atomic>
#include <cerrno>

#include "heap/heap.h"
#include "heap/libc_heap.h"

namespace afterimage {

struct ForeignFree {
  ForeignFree* next;
  void* block;
};

namespace {

// Empties the queue; the result begins with the oldest.
ForeignFree* take_all(Heap& heap) noexcept {
  ForeignFree* newest = slot_of(&heap).foreign_frees.exchange(nullptr, std::memory_order_acquire);
  ForeignFree* oldest = nullptr;
  while (newest != nullptr) {
    ForeignFree* const next = newest->next;
    newest->next = oldest;
    oldest = newest;
    newest = next;
  }
  return oldest;
}

}  // namespace

void queue_foreign_free(void* block) noexcept {
  const int saved = errno;
  auto* const entry = static_cast<ForeignFree*>(__libc_malloc(sizeof(ForeignFree)));
  errno = saved;
  if (entry == nullptr) return;
  entry->block = block;
  auto& queue = slot_of(block).foreign_frees;
  entry->next = queue.load(std::memory_order_relaxed);
  while (!queue.compare_exchange_weak(entry->next, entry, std::memory_order_release, std::memory_order_relaxed)) {
  }
}

std::size_t drain_foreign_frees(Heap& heap,
                                void (*on_batch)(void* context, const std::uint64_t* addresses, std::size_t count),
                                void* context) noexcept {
  if (!has_foreign_frees(heap)) return 0;
  std::uint64_t batch[kForeignFreeBatch];
  std::size_t total = 0;
  for (ForeignFree* entry = take_all(heap); entry != nullptr;) {
    std::size_t count = 0;
    while (entry != nullptr && count < kForeignFreeBatch) {
      ForeignFree* const next = entry->next;
      batch[count++] = reinterpret_cast<std::uintptr_t>(entry->block);
      __libc_free(entry);
      entry = next;
    }
    if (on_batch != nullptr) on_batch(context, batch, count);
    for (std::size_t i = 0; i < count; ++i) heap.deallocate_from(reinterpret_cast<void*>(batch[i]), nullptr);
    total += count;
  }
  return total;
}

void discard_foreign_frees(Heap& heap) noexcept {
  for (ForeignFree* entry = take_all(heap); entry != nullptr;) {
    ForeignFree* const next = entry->next;
    __libc_free(entry);
    entry = next;
  }
}

}  // namespace afterimage
