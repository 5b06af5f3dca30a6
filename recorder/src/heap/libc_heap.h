// heap/libc_heap.h: the C library's own allocator, which serves everything outside of reactors.
//
// glibc exports these names, so no dlsym is needed on paths where dlsym itself may allocate.
#pragma once

#include <cstddef>

extern "C" {
void* __libc_malloc(std::size_t) noexcept;
void __libc_free(void*) noexcept;
void* __libc_calloc(std::size_t, std::size_t) noexcept;
void* __libc_realloc(void*, std::size_t) noexcept;
void* __libc_memalign(std::size_t, std::size_t) noexcept;
}
