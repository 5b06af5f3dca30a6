#include "heap/current_heap.h"

namespace afterimage {

constinit thread_local CurrentHeap t_current_heap = {0, 0};

Heap* current_heap() noexcept { return t_current_heap.heap(); }

Heap* exchange_current_heap(Heap* heap) noexcept {
  Heap* const previous = t_current_heap.heap();
  const auto base = reinterpret_cast<std::uintptr_t>(heap);
  t_current_heap = {base, base == 0 ? 0 : slot_bytes_at(base)};
  return previous;
}

}  // namespace afterimage
