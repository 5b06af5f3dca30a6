// check/code.h: whose code an address is, and whose data.
//
// The table is made outside of react() (refresh_code) and only read by signal handlers.
#pragma once
#include <cstddef>
#include <cstdint>

#include "call_stack.h"

namespace afterimage::check {

enum class Code : std::uint8_t {  // the numbers are known to debug-adapter/check/findings-file.ts
  program,   // the executable, and every library that is not one of these
  standard,  // the C++ library and its relatives
  libc,      // with the vdso
  loader,
  recorder,  // libafterimage
  check,     // this library
  none,
};

struct ModuleRange {
  std::uintptr_t begin, end;
  std::uintptr_t data_begin, data_end;  // what the program may write, in whole pages
  std::uintptr_t bias;  // what was added to the addresses in its file
  Code code;
  bool executable;
  char path[256];
};

inline constexpr std::size_t kModules = 512;

// Brings the table up to date with dlopen and dlclose. True when it has changed.
bool refresh_code() noexcept;
const ModuleRange* module_of(std::uintptr_t address) noexcept;
Code code_at(std::uintptr_t address) noexcept;

// Who, past libc, has called: the one that is responsible.
Code caller_past_libc(const CallStack& stack) noexcept;

template <typename F>
void for_each_module(F&& f) noexcept;

namespace detail {
extern ModuleRange g_modules[kModules];
extern std::size_t g_module_count;
}  // namespace detail

template <typename F>
void for_each_module(F&& f) noexcept {
  for (std::size_t i = 0; i < detail::g_module_count; ++i) f(detail::g_modules[i]);
}

}  // namespace afterimage::check
