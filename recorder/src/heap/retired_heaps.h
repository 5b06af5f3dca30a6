// heap/retired_heaps.h: what a reactor leaves behind.
//
// When a reactor goes, blocks of its heap may still be in use: react() has put them into a cache of the program's, a singleton, a
// thread-local variable. In a program without us they would live on, until a destructor behind main() frees them. So they stay, in a
// slot that no other heap gets; freeing them does nothing.
//
// Where a constructor has thrown, the exception lives in the heap of the reactor that there is not, and somebody will look at it. So all of that
// heap stays until it is freed.
//
// Within bounds: of more than kRetiredHeaps, or kRetiredBytes, those that went first are given back, and all when slots run out. Of a
// reactor that has used more than 1 GiB nothing is kept.
#pragma once
#include <cstddef>
#include <mutex>

#include "afterimage/heap.h"

namespace afterimage {

inline constexpr std::size_t kRetiredHeaps = 64;
inline constexpr std::size_t kRetiredBytes = std::size_t{64} << 20;

// Instead of Heap::destroy().
AFTERIMAGE_API void retire(Heap* heap) noexcept;
// When `exception` is no more. One that lives elsewhere is not waited for.
void retire_after(Heap* heap, const void* exception) noexcept;
// To be held while the process forks: the child would find it locked for ever.
std::mutex& retired_heaps_mutex() noexcept;
// False when there were none.
AFTERIMAGE_API bool release_retired_heaps() noexcept;
// That of this slot: a reactor comes back to it.
void release_retired_heap(std::uintptr_t base) noexcept;

}  // namespace afterimage
