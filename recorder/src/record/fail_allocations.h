// AFTERIMAGE_FAIL_ALLOCATIONS: "nth=100", "probability=0.01,seed=7", "above=4096", or any of them with commas between.
#pragma once
#include <optional>
#include <string_view>

#include "afterimage/heap.h"

namespace afterimage {

// Nothing where the text is not of this form.
std::optional<FailAllocations> parse_fail_allocations(std::string_view text) noexcept;

// What the environment says, or else `otherwise`. A text that makes no sense is named on stderr.
FailAllocations fail_allocations_or(const FailAllocations& otherwise) noexcept;

}  // namespace afterimage
