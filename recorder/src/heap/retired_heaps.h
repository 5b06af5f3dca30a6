// heap/retired_heaps.h: what a reactor leaves behind.
//
// When a reactor goes, blocks of its heap may still be in use: react() has put them into a cache of the program's, a singleton, a
// thread-local variable. In a program without us they would live on, until a destructor behind main() frees them. So they stay, in a
// slot that no other heap gets; freeing them does nothing.
//
// Within bounds: of more than kRetiredHeaps, or kRetiredBytes, those that went first are given back, and all when slots run out. Of a
// reactor that has used more than 1 GiB nothing is kept.
#pragma once
#include <cstddef>

#include "afterimage/heap.h"

namespace afterimage {

inline constexpr std::size_t kRetiredHeaps = 64;
inline constexpr std::size_t kRetiredBytes = std::size_t{64} << 20;

// Instead of Heap::destroy().
AFTERIMAGE_API void retire(Heap* heap) noexcept;
// False when there were none.
AFTERIMAGE_API bool release_retired_heaps() noexcept;
// That of this slot: a reactor comes back to it.
void release_retired_heap(std::uintptr_t base) noexcept;

}  // namespace afterimage
