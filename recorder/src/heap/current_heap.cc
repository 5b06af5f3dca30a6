#include "heap/current_heap.h"

namespace afterimage {

constinit thread_local CurrentHeap t_current_heap = {0, 0};

Heap* current_heap() noexcept { return t_current_heap.heap(); }

Heap* exchange_current_heap(Heap* heap) noexcept { return switch_heap(heap); }

}  // namespace afterimage
