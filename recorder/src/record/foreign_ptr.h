// record/foreign_ptr.h: where a reactor's foreign pointers come back to.
#pragma once
#include <cstdint>

#include "heap/heap.h"

namespace afterimage::detail {

// That of the heap; without one, a queue of its own.
ForeignQueue* foreign_queue_for(Heap* heap, std::uint32_t reactor);
// The reactor ends: what has come back and has not been destroyed, and what comes later, is not destroyed any more.
void abandon_foreign(ForeignQueue& queue, const Heap* heap, ForeignRequest* dropped) noexcept;

}  // namespace afterimage::detail
