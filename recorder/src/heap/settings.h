// How a reactor's heap is set up, and that as text: "limit=1048576,kinda-safe=1,nth=100". The recording has the text (reactor.json), so
// that another build of the program constructs the reactor in the same kind of heap.
#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "afterimage/heap.h"

namespace afterimage {

struct HeapSettings {
  std::size_t limit_bytes = 0;  // 0: the slot
  bool kinda_safe = false;
  bool stop_at_misuse = false;
  FailAllocations fail_allocations = {};
};

// What is not as in the default; nothing where all is.
std::string to_text(const HeapSettings& settings);

// Nothing where the text is not of this form.
std::optional<HeapSettings> parse_heap_settings(std::string_view text) noexcept;
// Of which allocations fail alone: "nth=100", "probability=0.01,seed=7", "above=4096", or any of them with commas between.
std::optional<FailAllocations> parse_fail_allocations(std::string_view text) noexcept;

}  // namespace afterimage
