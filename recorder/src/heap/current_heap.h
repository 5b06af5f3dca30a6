// heap/current_heap.h: the heap of this thread, as the malloc fast paths see it.
//
// Base and size, so that "is this block ours" is one subtraction and one comparison, and false for
// every address while there is no heap. Initial-exec: one %fs-relative load, no call which might
// allocate; the price is that libafterimage.so must be linked, not loaded late by dlopen.
#pragma once

#include <cstddef>
#include <cstdint>

#include "heap/heap.h"

namespace afterimage {

struct CurrentHeap {
  std::uintptr_t base;
  std::size_t bytes;

  Heap* heap() const noexcept { return reinterpret_cast<Heap*>(base); }
  bool owns(const void* pointer) const noexcept { return reinterpret_cast<std::uintptr_t>(pointer) - base < bytes; }
};
extern constinit thread_local CurrentHeap t_current_heap
    __attribute__((tls_model("initial-exec"), visibility("hidden")));

inline CurrentHeap as_current(const Heap* heap) noexcept {
  const auto base = reinterpret_cast<std::uintptr_t>(heap);
  return {base, base == 0 ? 0 : slot_bytes_at(base)};
}

// exchange_current_heap() without the call.
inline Heap* switch_heap(Heap* heap) noexcept {
  Heap* const previous = t_current_heap.heap();
  t_current_heap = as_current(heap);
  return previous;
}

}  // namespace afterimage
