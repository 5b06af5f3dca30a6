// recorder/bench/enter_heap.cc: preloaded after libafterimage.so into a program that knows nothing of it, this puts all that
// the main thread allocates into a heap.
#include "heap/heap.h"

namespace {

[[gnu::constructor]] void enter_heap() {
  int error = 0;
  afterimage::Heap* const heap = afterimage::Heap::create(afterimage::SlotSize::large, error);
  if (heap == nullptr) __builtin_trap();  // the bench must not measure something else
#if defined(KINDA_SAFE)
  heap->keep_ids();
#endif
  afterimage::exchange_current_heap(heap);
}

}  // namespace
