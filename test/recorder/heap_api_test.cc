// The whole C and C++ allocation interface, called inside and outside of a heap: every function finds
// the right owner, keeps the promises of its manual page, and frees what any other one allocated.
#include <malloc.h>

#include <cerrno>
#include <cstdarg>
#include <cwchar>
#include <limits>
#include <new>

#include "heap_testing.h"

extern "C" {
void cfree(void*);
void free_sized(void*, std::size_t);
void free_aligned_sized(void*, std::size_t, std::size_t);
char* __strdup(const char*) noexcept;
}

using namespace afterimage;

namespace {

constexpr auto kHuge = static_cast<std::size_t>(std::numeric_limits<std::ptrdiff_t>::max());
constexpr std::size_t kSizes[] = {0, 1, 15, 16, 17, 100, 1024, 1025, 8192, 8193, 65536, 65537, 1'000'000, 3 << 20};
constexpr std::size_t kImpossible[] = {std::size_t{2} << 30, kHuge, kHuge + 1, SIZE_MAX - 4096, SIZE_MAX - 15, SIZE_MAX};

struct Allocator {
  const char* name;
  void* (*allocate)(std::size_t bytes);  // null on failure
  bool sets_errno = true;
};

template <class F>
void* or_null(F&& f) {
  try {
    return f();
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

constexpr Allocator kAllocators[] = {
    {"malloc", [](std::size_t n) { return std::malloc(n); }},
    {"calloc", [](std::size_t n) { return std::calloc(1, n); }},
    {"realloc", [](std::size_t n) { return std::realloc(nullptr, n); }},
    {"reallocarray", [](std::size_t n) { return ::reallocarray(nullptr, n, 1); }},
    {"posix_memalign", [](std::size_t n) { void* p = nullptr; return ::posix_memalign(&p, 64, n) == 0 ? p : nullptr; }, false},
    {"memalign", [](std::size_t n) { return ::memalign(64, n); }},
    {"aligned_alloc", [](std::size_t n) { return std::aligned_alloc(64, n); }},
    {"valloc", [](std::size_t n) { return ::valloc(n); }},
    {"pvalloc", [](std::size_t n) { return ::pvalloc(n); }},
    {"new", [](std::size_t n) { return or_null([&] { return ::operator new(n); }); }, false},
    {"new[]", [](std::size_t n) { return or_null([&] { return ::operator new[](n); }); }, false},
    {"new nothrow", [](std::size_t n) { return ::operator new(n, std::nothrow); }, false},
    {"new[] nothrow", [](std::size_t n) { return ::operator new[](n, std::nothrow); }, false},
    {"new aligned", [](std::size_t n) { return or_null([&] { return ::operator new(n, std::align_val_t{64}); }); }, false},
    {"new[] aligned", [](std::size_t n) { return or_null([&] { return ::operator new[](n, std::align_val_t{64}); }); }, false},
    {"new aligned nothrow", [](std::size_t n) { return ::operator new(n, std::align_val_t{64}, std::nothrow); }, false},
    {"new[] aligned nothrow", [](std::size_t n) { return ::operator new[](n, std::align_val_t{64}, std::nothrow); }, false},
};

struct Deallocator {
  const char* name;
  void (*deallocate)(void* block);
};

constexpr Deallocator kDeallocators[] = {
    {"free", [](void* p) { std::free(p); }},
    {"cfree", [](void* p) { ::cfree(p); }},
    {"free_sized", [](void* p) { ::free_sized(p, 1); }},
    {"free_aligned_sized", [](void* p) { ::free_aligned_sized(p, 64, 1); }},
    {"realloc to 0", [](void* p) { CHECK(p == nullptr || std::realloc(p, 0) == nullptr); }},
    {"delete", [](void* p) { ::operator delete(p); }},
    {"delete[]", [](void* p) { ::operator delete[](p); }},
    {"delete sized", [](void* p) { ::operator delete(p, 1); }},
    {"delete[] sized", [](void* p) { ::operator delete[](p, 1); }},
    {"delete nothrow", [](void* p) { ::operator delete(p, std::nothrow); }},
    {"delete[] nothrow", [](void* p) { ::operator delete[](p, std::nothrow); }},
    {"delete aligned", [](void* p) { ::operator delete(p, std::align_val_t{64}); }},
    {"delete[] aligned", [](void* p) { ::operator delete[](p, std::align_val_t{64}); }},
    {"delete sized aligned", [](void* p) { ::operator delete(p, 1, std::align_val_t{64}); }},
    {"delete[] sized aligned", [](void* p) { ::operator delete[](p, 1, std::align_val_t{64}); }},
    {"delete aligned nothrow", [](void* p) { ::operator delete(p, std::align_val_t{64}, std::nothrow); }},
    {"delete[] aligned nothrow", [](void* p) { ::operator delete[](p, std::align_val_t{64}, std::nothrow); }},
};

#define CHECK_FOR(what, condition)                              \
  do {                                                          \
    if (!(condition)) std::fprintf(stderr, "with %s\n", what);  \
    CHECK(condition);                                           \
  } while (false)

void every_allocator_uses_the_current_heap() {
  TestHeap heap;
  for (const Allocator& a : kAllocators) {
    for (const std::size_t bytes : kSizes) {
      void* block = nullptr;
      {
        const HeapScope scope(*heap);
        block = a.allocate(bytes);
      }
      CHECK_FOR(a.name, block != nullptr && heap->owns(block));
      CHECK_FOR(a.name, heap_of(block) == &*heap);
      CHECK_FOR(a.name, reinterpret_cast<std::uintptr_t>(block) % 16 == 0);
      CHECK_FOR(a.name, ::malloc_usable_size(block) >= bytes);
      std::memset(block, 0xa5, ::malloc_usable_size(block));
      heap->deallocate(block);
    }
  }
  CHECK_EQUAL(live_blocks(*heap), 0u);
}

void outside_of_heaps_everything_is_libcs() {
  TestHeap heap;
  const std::uint64_t before = heap->fingerprint();
  const HeapScope inside(*heap);
  const OutsideScope outside;
  for (const Allocator& a : kAllocators) {
    void* const block = a.allocate(100);
    CHECK_FOR(a.name, block != nullptr && heap_of(block) == nullptr);
    CHECK_FOR(a.name, ::malloc_usable_size(block) >= 100);
    const HeapScope again(*heap);
    std::free(block);
  }
  CHECK_EQUAL(heap->fingerprint(), before);
}

void impossible_sizes_are_refused() {
  TestHeap heap;
  for (const bool inside : {true, false}) {
    for (const Allocator& a : kAllocators) {
      for (const std::size_t bytes : kImpossible) {
        if (!inside && bytes < kHuge) continue;
        Heap* const previous = exchange_current_heap(inside ? &*heap : nullptr);
        errno = 0;
        void* const block = a.allocate(bytes);
        const int error = errno;
        exchange_current_heap(previous);
        CHECK_FOR(a.name, block == nullptr);
        CHECK_FOR(a.name, !a.sets_errno || error == ENOMEM);
      }
    }
  }
  CHECK_EQUAL(live_blocks(*heap), 0u);  // bad_alloc objects included
}

void products_that_overflow_are_refused() {
  TestHeap heap;
  const HeapScope scope(*heap);
  volatile std::size_t many = SIZE_MAX / 2;
  errno = 0;
  CHECK(std::calloc(many, 3) == nullptr && errno == ENOMEM);
  errno = 0;
  CHECK(::reallocarray(nullptr, many, 3) == nullptr && errno == ENOMEM);
  void* const block = std::malloc(40);
  std::memset(block, 7, 40);
  CHECK(::reallocarray(block, many, 3) == nullptr);
  CHECK(std::realloc(block, many) == nullptr);
  CHECK(static_cast<char*>(block)[39] == 7);  // still there
  std::free(block);
  CHECK_EQUAL(live_blocks(*heap), 0u);
}

void every_alignment_is_kept() {
  TestHeap heap;
  const HeapScope scope(*heap);
  for (std::size_t alignment = 8; alignment <= 2u << 20; alignment *= 2) {
    for (const std::size_t bytes : kSizes) {
      void* blocks[5] = {};
      CHECK_EQUAL(::posix_memalign(&blocks[0], alignment, bytes), 0);
      blocks[1] = ::memalign(alignment, bytes);
      blocks[2] = std::aligned_alloc(alignment, bytes);
      blocks[3] = ::operator new(bytes, std::align_val_t{alignment});
      blocks[4] = ::operator new[](bytes, std::align_val_t{alignment}, std::nothrow);
      for (void* const block : blocks) {
        CHECK(heap->owns(block));
        CHECK_EQUAL(reinterpret_cast<std::uintptr_t>(block) % alignment, 0u);
        std::memset(block, 1, bytes);
      }
      for (void* const block : blocks) std::free(block);
    }
  }
  void* untouched = &heap;
  for (const std::size_t alignment : {std::size_t{0}, std::size_t{4}, std::size_t{24}}) {
    CHECK_EQUAL(::posix_memalign(&untouched, alignment, 8), EINVAL);
  }
  CHECK(untouched == &heap);
  CHECK_EQUAL(::posix_memalign(&untouched, std::size_t{1} << 40, 8), ENOMEM);
  CHECK_EQUAL(live_blocks(*heap), 0u);
}

void every_deallocator_frees_what_any_allocator_made() {
  TestHeap heap;
  const HeapScope scope(*heap);
  for (const Deallocator& d : kDeallocators) {
    d.deallocate(nullptr);
    for (const Allocator& a : kAllocators) {
      for (const std::size_t bytes : {std::size_t{24}, std::size_t{200'000}}) {
        void* const block = a.allocate(bytes);
        errno = 77;
        d.deallocate(block);
        CHECK_FOR(d.name, errno == 77);
        CHECK_FOR(d.name, live_blocks(*heap) == 0);
      }
    }
  }
  CHECK_EQUAL(heap->misuses(), 0u);
}

void realloc_moves_a_block_to_the_heap_which_grows_it() {
  TestHeap first, second;
  auto* text = static_cast<char*>(std::malloc(32));
  std::strcpy(text, "a text that travels");
  const auto grow_in = [&](Heap* heap, std::size_t bytes) {
    Heap* const previous = exchange_current_heap(heap);
    text = static_cast<char*>(std::realloc(text, bytes));
    exchange_current_heap(previous);
    CHECK(heap_of(text) == heap);
    CHECK(std::strcmp(text, "a text that travels") == 0);
  };
  grow_in(&*first, 100);
  grow_in(&*second, 100'000);
  grow_in(nullptr, 200);
  grow_in(nullptr, 40);
  std::free(text);
  CHECK_EQUAL(drain_foreign_frees(*first), 1u);
  CHECK_EQUAL(drain_foreign_frees(*second), 1u);
  CHECK_EQUAL(live_blocks(*first) + live_blocks(*second), 0u);
}

char* formatted(const char* format, ...) {
  std::va_list arguments;
  va_start(arguments, format);
  char* result = nullptr;
  CHECK(::vasprintf(&result, format, arguments) >= 0);
  va_end(arguments);
  return result;
}

void strings_belong_to_their_caller() {
  TestHeap heap;
  const HeapScope scope(*heap);
  char* printed = nullptr;
  CHECK_EQUAL(::asprintf(&printed, "%s-%d", "gate", 17), 7);
  void* const wide = ::wcsdup(L"wide");
  char* const texts[] = {printed, ::strdup("gate-17"), ::strndup("gate-1789", 7), ::__strdup("gate-17"), formatted("gate-%d", 17)};
  for (char* const text : texts) {
    CHECK(heap->owns(text));
    CHECK(std::strcmp(text, "gate-17") == 0);
    std::free(text);
  }
  CHECK(heap->owns(wide));
  std::free(wide);
  CHECK_EQUAL(live_blocks(*heap), 0u);
}

void calloc_clears_what_was_used_before() {
  TestHeap heap;
  const HeapScope scope(*heap);
  for (const std::size_t bytes : {std::size_t{100}, std::size_t{60'000}, std::size_t{500'000}}) {
    void* const dirty = std::malloc(bytes);
    std::memset(dirty, 0xff, bytes);
    std::free(dirty);
    auto* const clean = static_cast<unsigned char*>(std::calloc(bytes, 1));
    CHECK(clean == dirty);  // else this would not test anything
    for (std::size_t i = 0; i < bytes; ++i) CHECK(clean[i] == 0);
    std::free(clean);
  }
}

int g_handler_calls;
void give_up_the_second_time() {
  if (++g_handler_calls == 2) std::set_new_handler(nullptr);
}

void a_full_slot_asks_the_new_handler_and_then_throws() {
  constexpr std::size_t kLargePart = std::size_t{15} << 20;
  TestHeap heap;
  const HeapScope scope(*heap);
  std::size_t megabytes = 0;
  while (std::malloc(kLargePart) != nullptr) megabytes += 15;
  CHECK(megabytes > 900 && megabytes < 1024);
  std::set_new_handler(give_up_the_second_time);
  CHECK(or_null([] { return ::operator new(kLargePart); }) == nullptr);
  CHECK_EQUAL(g_handler_calls, 2);
  CHECK(::operator new(kLargePart, std::nothrow) == nullptr);
  void* const small = std::malloc(64);  // what still fits between them is served
  CHECK(heap->owns(small));
}

void trim_leaves_a_heap_alone() {
  TestHeap heap;
  const HeapScope scope(*heap);
  CHECK_EQUAL(::malloc_trim(0), 0);
  const OutsideScope outside;
  CHECK(::malloc_trim(0) >= 0);
  CHECK_EQUAL(::malloc_usable_size(nullptr), 0u);
}

}  // namespace

int main() {
  every_allocator_uses_the_current_heap();
  outside_of_heaps_everything_is_libcs();
  impossible_sizes_are_refused();
  products_that_overflow_are_refused();
  every_alignment_is_kept();
  every_deallocator_frees_what_any_allocator_made();
  realloc_moves_a_block_to_the_heap_which_grows_it();
  strings_belong_to_their_caller();
  calloc_clears_what_was_used_before();
  a_full_slot_asks_the_new_handler_and_then_throws();
  trim_leaves_a_heap_alone();
}
