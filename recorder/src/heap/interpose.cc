// heap/interpose.cc: the malloc family. The __libc_* names stay the C library's: we call them.
#include <atomic>
#include <bit>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <dlfcn.h>
#include <malloc.h>

#include "base/bits.h"
#include "base/raw_log.h"
#include "heap/routing.h"
#include "os/pages.h"

#define AFTERIMAGE_MALLOC_API extern "C" __attribute__((visibility("default")))

namespace afterimage {
namespace {

// The two functions without a __libc_ name. Looked up before main: dlsym allocates.
template <class Function>
class LibcFunction {
 public:
  constexpr explicit LibcFunction(const char* name) noexcept : name_(name) {}
  Function* get() noexcept {
    if (function_ == nullptr) function_ = reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name_));
    return function_;
  }

 private:
  const char* name_;
  Function* function_ = nullptr;
};
constinit LibcFunction<std::size_t(void*)> g_malloc_usable_size{"malloc_usable_size"};
constinit LibcFunction<int(std::size_t)> g_malloc_trim{"malloc_trim"};

[[gnu::constructor(101)]] void find_libc_functions() noexcept {
  g_malloc_usable_size.get();
  g_malloc_trim.get();
}

std::size_t usable_bytes(void* block) noexcept {
  if (block == nullptr) return 0;
  if (!in_zones(block)) return g_malloc_usable_size.get()(block);
  const Heap* const heap = heap_of(block);
  return heap != nullptr ? heap->usable_size(block) : 0;
}

void* out_of_memory() noexcept {
  errno = ENOMEM;
  return nullptr;
}

// The block stays with its owner if that is where the caller allocates, otherwise it moves there.
void* reallocate_for(const void* caller, void* block, std::size_t bytes) noexcept {
  if (block == nullptr) return allocate_for(caller, bytes);
  if (bytes == 0) {
    free_for(caller, block);
    return nullptr;
  }
  if (t_current_heap.owns(block)) return t_current_heap.heap()->reallocate(block, bytes);
  if (!in_zones(block) && heap_for(caller) == nullptr) return __libc_realloc(block, bytes);
  const std::size_t old = usable_bytes(block);
  if (old == 0 && in_zones(block)) {
    report_free_after_heap(block);
    return out_of_memory();
  }
  void* const moved = allocate_for(caller, bytes);
  if (moved == nullptr) return nullptr;
  std::memcpy(moved, block, old < bytes ? old : bytes);
  free_for(caller, block);
  return moved;
}

// As glibc's memalign: other alignments are rounded up to a power of two.
void* memalign_for(const void* caller, std::size_t alignment, std::size_t bytes) noexcept {
  if (alignment > SIZE_MAX / 2 + 1) {
    errno = EINVAL;
    return nullptr;
  }
  return allocate_aligned_for(caller, std::bit_ceil(alignment), bytes);
}

}  // namespace

// The first one only: a reactor may have left thousands of blocks behind.
void report_free_after_heap(void* block) noexcept {
  static constinit std::atomic<bool> reported = false;
  if (reported.exchange(true, std::memory_order_relaxed)) return;
  RawLine line;
  line.text("free or realloc of ").address(block).text(", which belonged to a reactor that is gone (ignored, and so are further ones). ");
  line.text("A variable outside of the reactor leads there; `afterimage check` names it.").print();
}

}  // namespace afterimage

using namespace afterimage;

AFTERIMAGE_MALLOC_API void* malloc(std::size_t bytes) noexcept { return allocate_for(AFTERIMAGE_CALLER, bytes); }

AFTERIMAGE_MALLOC_API void free(void* block) noexcept { free_for(AFTERIMAGE_CALLER, block); }
AFTERIMAGE_MALLOC_API void cfree(void* block) noexcept { free_for(AFTERIMAGE_CALLER, block); }
AFTERIMAGE_MALLOC_API void free_sized(void* block, std::size_t) noexcept { free_for(AFTERIMAGE_CALLER, block); }
AFTERIMAGE_MALLOC_API void free_aligned_sized(void* block, std::size_t, std::size_t) noexcept { free_for(AFTERIMAGE_CALLER, block); }

AFTERIMAGE_MALLOC_API void* calloc(std::size_t count, std::size_t each) noexcept {
  Heap* const heap = heap_for(AFTERIMAGE_CALLER);
  if (heap == nullptr) return __libc_calloc(count, each);
  std::size_t bytes = 0;
  return __builtin_mul_overflow(count, each, &bytes) ? out_of_memory() : heap->allocate_zeroed(bytes);
}

AFTERIMAGE_MALLOC_API void* realloc(void* block, std::size_t bytes) noexcept {
  return reallocate_for(AFTERIMAGE_CALLER, block, bytes);
}

AFTERIMAGE_MALLOC_API void* reallocarray(void* block, std::size_t count, std::size_t each) noexcept {
  std::size_t bytes = 0;
  if (__builtin_mul_overflow(count, each, &bytes)) return out_of_memory();
  return reallocate_for(AFTERIMAGE_CALLER, block, bytes);
}

AFTERIMAGE_MALLOC_API int posix_memalign(void** result, std::size_t alignment, std::size_t bytes) noexcept {
  if (!is_power_of_two(alignment) || alignment % sizeof(void*) != 0) return EINVAL;
  const int saved = errno;
  void* const block = allocate_aligned_for(AFTERIMAGE_CALLER, alignment, bytes);
  errno = saved;
  if (block == nullptr) return ENOMEM;
  *result = block;
  return 0;
}

AFTERIMAGE_MALLOC_API void* memalign(std::size_t alignment, std::size_t bytes) noexcept {
  return memalign_for(AFTERIMAGE_CALLER, alignment, bytes);
}
AFTERIMAGE_MALLOC_API void* aligned_alloc(std::size_t alignment, std::size_t bytes) noexcept {
  return memalign_for(AFTERIMAGE_CALLER, alignment, bytes);
}
AFTERIMAGE_MALLOC_API void* valloc(std::size_t bytes) noexcept {
  return allocate_aligned_for(AFTERIMAGE_CALLER, os::kPageBytes, bytes);
}
AFTERIMAGE_MALLOC_API void* pvalloc(std::size_t bytes) noexcept {
  if (bytes > SIZE_MAX - os::kPageBytes) return out_of_memory();
  return allocate_aligned_for(AFTERIMAGE_CALLER, os::kPageBytes, align_up(bytes, os::kPageBytes));
}

AFTERIMAGE_MALLOC_API std::size_t malloc_usable_size(void* block) noexcept { return usable_bytes(block); }

// A reactor's heap keeps its pages: giving them back would race with a snapshot.
AFTERIMAGE_MALLOC_API int malloc_trim(std::size_t keep) noexcept {
  return current_heap() != nullptr ? 0 : g_malloc_trim.get()(keep);
}
