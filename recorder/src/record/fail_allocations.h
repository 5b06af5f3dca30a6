// AFTERIMAGE_FAIL_ALLOCATIONS: which allocations fail on purpose (parse_fail_allocations has the form).
#pragma once
#include "afterimage/heap.h"

namespace afterimage {

// What the environment says, or else `otherwise`. A text that makes no sense is named on stderr.
FailAllocations fail_allocations_or(const FailAllocations& otherwise) noexcept;

}  // namespace afterimage
