// heap/operators.cc: all replaceable forms of operator new and delete.
//
// std::allocator and everything else in libstdc++ that uses them allocates where malloc does.
#include <new>

#include "heap/routing.h"

namespace afterimage {
namespace {

// The slow half of operator new: asks the new_handler for memory until there is some or it throws.
[[gnu::noinline]] void* allocate_or_throw(const void* caller, std::size_t bytes, std::size_t alignment) {
  for (;;) {
    void* const block = alignment == 0 ? allocate_for(caller, bytes) : allocate_aligned_for(caller, alignment, bytes);
    if (block != nullptr) return block;
    const std::new_handler handler = std::get_new_handler();
    if (handler == nullptr) throw std::bad_alloc();
    handler();
  }
}

[[gnu::always_inline]] inline void* new_for(const void* caller, std::size_t bytes) {
  void* const block = allocate_for(caller, bytes);
  return block != nullptr ? block : allocate_or_throw(caller, bytes, 0);
}

void* new_or_null(const void* caller, std::size_t bytes, std::size_t alignment) noexcept {
  try {
    return allocate_or_throw(caller, bytes, alignment);
  } catch (...) {
    return nullptr;
  }
}

constexpr std::size_t bytes_of(std::align_val_t alignment) noexcept { return static_cast<std::size_t>(alignment); }

}  // namespace
}  // namespace afterimage

using namespace afterimage;

#define AFTERIMAGE_OPERATOR __attribute__((visibility("default")))

AFTERIMAGE_OPERATOR void* operator new(std::size_t bytes) { return new_for(AFTERIMAGE_CALLER, bytes); }
AFTERIMAGE_OPERATOR void* operator new[](std::size_t bytes) { return new_for(AFTERIMAGE_CALLER, bytes); }
AFTERIMAGE_OPERATOR void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  return new_or_null(AFTERIMAGE_CALLER, bytes, 0);
}
AFTERIMAGE_OPERATOR void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept {
  return new_or_null(AFTERIMAGE_CALLER, bytes, 0);
}
AFTERIMAGE_OPERATOR void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return allocate_or_throw(AFTERIMAGE_CALLER, bytes, bytes_of(alignment));
}
AFTERIMAGE_OPERATOR void* operator new[](std::size_t bytes, std::align_val_t alignment) {
  return allocate_or_throw(AFTERIMAGE_CALLER, bytes, bytes_of(alignment));
}
AFTERIMAGE_OPERATOR void* operator new(std::size_t bytes, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return new_or_null(AFTERIMAGE_CALLER, bytes, bytes_of(alignment));
}
AFTERIMAGE_OPERATOR void* operator new[](std::size_t bytes, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return new_or_null(AFTERIMAGE_CALLER, bytes, bytes_of(alignment));
}

AFTERIMAGE_OPERATOR void operator delete(void* block) noexcept { free_for(AFTERIMAGE_CALLER, block); }
AFTERIMAGE_OPERATOR void operator delete[](void* block) noexcept { free_for(AFTERIMAGE_CALLER, block); }
AFTERIMAGE_OPERATOR void operator delete(void* block, std::size_t) noexcept { free_for(AFTERIMAGE_CALLER, block); }
AFTERIMAGE_OPERATOR void operator delete[](void* block, std::size_t) noexcept { free_for(AFTERIMAGE_CALLER, block); }
AFTERIMAGE_OPERATOR void operator delete(void* block, const std::nothrow_t&) noexcept {
  free_for(AFTERIMAGE_CALLER, block);
}
AFTERIMAGE_OPERATOR void operator delete[](void* block, const std::nothrow_t&) noexcept {
  free_for(AFTERIMAGE_CALLER, block);
}
AFTERIMAGE_OPERATOR void operator delete(void* block, std::align_val_t) noexcept { free_for(AFTERIMAGE_CALLER, block); }
AFTERIMAGE_OPERATOR void operator delete[](void* block, std::align_val_t) noexcept {
  free_for(AFTERIMAGE_CALLER, block);
}
AFTERIMAGE_OPERATOR void operator delete(void* block, std::size_t, std::align_val_t) noexcept {
  free_for(AFTERIMAGE_CALLER, block);
}
AFTERIMAGE_OPERATOR void operator delete[](void* block, std::size_t, std::align_val_t) noexcept {
  free_for(AFTERIMAGE_CALLER, block);
}
AFTERIMAGE_OPERATOR void operator delete(void* block, std::align_val_t, const std::nothrow_t&) noexcept {
  free_for(AFTERIMAGE_CALLER, block);
}
AFTERIMAGE_OPERATOR void operator delete[](void* block, std::align_val_t, const std::nothrow_t&) noexcept {
  free_for(AFTERIMAGE_CALLER, block);
}
