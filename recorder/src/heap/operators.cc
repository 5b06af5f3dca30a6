// heap/operators.cc: all replaceable forms of operator new and delete.
//
// std::allocator and everything else in libstdc++ that uses them allocates where malloc does. The C library and the loader
// are written in C: the caller is never one of them, and need not be looked at.
#include <new>

#include "heap/routing.h"

namespace afterimage {
namespace {

// All of operator new but its fast path: asks the new_handler for memory until there is some or it throws.
[[gnu::noinline]] void* allocate_or_throw(std::size_t bytes, std::size_t alignment) {
  for (;;) {
    Heap* const heap = t_current_heap.heap();
    void* const block = alignment == 0 ? allocate_in(heap, bytes) : allocate_aligned_in(heap, alignment, bytes);
    if (block != nullptr) return block;
    const std::new_handler handler = std::get_new_handler();
    if (handler == nullptr) throw std::bad_alloc();
    handler();
  }
}

[[gnu::always_inline]] inline void* new_or_throw(std::size_t bytes) {
  Heap* const heap = t_current_heap.heap();
  if (heap == nullptr || !heap->has_recent(bytes)) return allocate_or_throw(bytes, 0);
  return heap->allocate_recent(bytes);
}

void* new_or_null(std::size_t bytes, std::size_t alignment) noexcept {
  try {
    return allocate_or_throw(bytes, alignment);
  } catch (...) {
    return nullptr;
  }
}

constexpr std::size_t bytes_of(std::align_val_t alignment) noexcept { return static_cast<std::size_t>(alignment); }

}  // namespace
}  // namespace afterimage

using namespace afterimage;

#define AFTERIMAGE_OPERATOR __attribute__((visibility("default")))

AFTERIMAGE_OPERATOR void* operator new(std::size_t bytes) { return new_or_throw(bytes); }
AFTERIMAGE_OPERATOR void* operator new[](std::size_t bytes) { return new_or_throw(bytes); }
AFTERIMAGE_OPERATOR void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  return new_or_null(bytes, 0);
}
AFTERIMAGE_OPERATOR void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept {
  return new_or_null(bytes, 0);
}
AFTERIMAGE_OPERATOR void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return allocate_or_throw(bytes, bytes_of(alignment));
}
AFTERIMAGE_OPERATOR void* operator new[](std::size_t bytes, std::align_val_t alignment) {
  return allocate_or_throw(bytes, bytes_of(alignment));
}
AFTERIMAGE_OPERATOR void* operator new(std::size_t bytes, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return new_or_null(bytes, bytes_of(alignment));
}
AFTERIMAGE_OPERATOR void* operator new[](std::size_t bytes, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return new_or_null(bytes, bytes_of(alignment));
}

AFTERIMAGE_OPERATOR void operator delete(void* block) noexcept { free_for(nullptr, block); }
AFTERIMAGE_OPERATOR void operator delete[](void* block) noexcept { free_for(nullptr, block); }
AFTERIMAGE_OPERATOR void operator delete(void* block, std::size_t) noexcept { free_for(nullptr, block); }
AFTERIMAGE_OPERATOR void operator delete[](void* block, std::size_t) noexcept { free_for(nullptr, block); }
AFTERIMAGE_OPERATOR void operator delete(void* block, const std::nothrow_t&) noexcept {
  free_for(nullptr, block);
}
AFTERIMAGE_OPERATOR void operator delete[](void* block, const std::nothrow_t&) noexcept {
  free_for(nullptr, block);
}
AFTERIMAGE_OPERATOR void operator delete(void* block, std::align_val_t) noexcept { free_for(nullptr, block); }
AFTERIMAGE_OPERATOR void operator delete[](void* block, std::align_val_t) noexcept {
  free_for(nullptr, block);
}
AFTERIMAGE_OPERATOR void operator delete(void* block, std::size_t, std::align_val_t) noexcept {
  free_for(nullptr, block);
}
AFTERIMAGE_OPERATOR void operator delete[](void* block, std::size_t, std::align_val_t) noexcept {
  free_for(nullptr, block);
}
AFTERIMAGE_OPERATOR void operator delete(void* block, std::align_val_t, const std::nothrow_t&) noexcept {
  free_for(nullptr, block);
}
AFTERIMAGE_OPERATOR void operator delete[](void* block, std::align_val_t, const std::nothrow_t&) noexcept {
  free_for(nullptr, block);
}
