// heap/routing.h: the decisions behind malloc and free, shared by interpose.cc, strings.cc and operators.cc.
//
//     allocate    current heap if there is one and the caller is not the C library, else libc
//     free        the owner, by address: at once if it is the current heap or libc, else queued
#pragma once

#include <cerrno>
#include <cstddef>

#include "base/replay_mode.h"
#include "heap/caller_routing.h"
#include "heap/current_heap.h"
#include "heap/libc_heap.h"

#define AFTERIMAGE_CALLER __builtin_return_address(0)

namespace afterimage {

// The heap in which a call from `caller` allocates; null: libc's.
[[gnu::always_inline]] inline Heap* heap_for(const void* caller) noexcept {
  Heap* const heap = t_current_heap.heap();
  return heap == nullptr || is_system_caller(caller) ? nullptr : heap;
}

[[gnu::always_inline]] inline void* allocate_in(Heap* heap, std::size_t bytes) noexcept {
  return heap != nullptr ? heap->allocate(bytes) : __libc_malloc(bytes);
}
[[gnu::always_inline]] inline void* allocate_for(const void* caller, std::size_t bytes) noexcept {
  return allocate_in(heap_for(caller), bytes);
}

inline void* allocate_aligned_in(Heap* heap, std::size_t alignment, std::size_t bytes) noexcept {
  return heap != nullptr ? heap->allocate_aligned(alignment, bytes) : __libc_memalign(alignment, bytes);
}
inline void* allocate_aligned_for(const void* caller, std::size_t alignment, std::size_t bytes) noexcept {
  return allocate_aligned_in(heap_for(caller), alignment, bytes);
}

__attribute__((visibility("hidden"))) void report_free_after_heap(void* block) noexcept;

// `block` is in the zones, but not in the current heap.
[[gnu::cold, gnu::noinline]] inline void free_foreign(void* block) noexcept {
  if (heap_of(block) != nullptr) return queue_foreign_free(block);
  if (replay_hooks != nullptr) return;  // of a reactor which is not replayed here
  report_free_after_heap(block);
}

// `block` is libc's, and this thread is in a heap. In the replayer it may be a block of the recorded process, which
// restored memory still names: to libc that would be a wild pointer. Those cannot be told from blocks
// of this process, so all are leaked there, except what libc itself frees.
[[gnu::noinline]] inline void free_libc_block_in_heap(const void* caller, void* block) noexcept {
  if (replay_hooks == nullptr || is_system_caller(caller)) __libc_free(block);
}

[[gnu::always_inline]] inline void free_for(const void* caller, void* block) noexcept {
  const CurrentHeap& current = t_current_heap;
  if (current.owns(block)) return current.heap()->deallocate(block);
  if (in_zones(block)) [[unlikely]] return free_foreign(block);
  if (current.base != 0) return free_libc_block_in_heap(caller, block);
  __libc_free(block);
}

}  // namespace afterimage
