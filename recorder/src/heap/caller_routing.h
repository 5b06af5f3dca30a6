// heap/caller_routing.h: whose allocation is this?
//
// What the C library or the loader allocates is for state of the whole process (stdio buffers,
// locales, name service, TLS blocks, dlerror, ...). It is made on first use, so in a reactor's heap
// it would be missing from the replay, shift every later address, and dangle when the reactor goes.
// Such calls are known by their return address. Functions whose result belongs to their caller
// (strdup, asprintf) are replaced instead (strings.cc).
//
// Not caught: what libstdc++ keeps (std::locale::global, std::ios::sync_with_stdio) and what the
// program itself keeps in globals (a function-local static string first used inside react()).
#pragma once

#include <cstdint>

namespace afterimage {

struct CodeRange {
  std::uintptr_t begin, bytes;
  bool contains(std::uintptr_t address) const noexcept { return address - begin < bytes; }
};
// Executable segments of libc.so and ld.so, found before main; until then there are no heaps.
struct SystemCode {
  CodeRange libc, loader;
};
extern SystemCode g_system_code __attribute__((visibility("hidden")));

inline bool is_system_caller(const void* return_address) noexcept {
  const auto address = reinterpret_cast<std::uintptr_t>(return_address);
  return g_system_code.libc.contains(address) || g_system_code.loader.contains(address);
}

}  // namespace afterimage
