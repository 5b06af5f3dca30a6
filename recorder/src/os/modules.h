// The ELF modules of this process: where they are and which build they are.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace afterimage::os {

struct AddressRange {
  std::uintptr_t address = 0;
  std::size_t bytes = 0;
};

struct Module {
  const char* kind;  // "exe", "interp", "lib" or "vdso"
  std::uintptr_t base;
  std::size_t bytes;
  std::string build_id;  // lower-case hex, or empty
  std::string path;
  std::vector<AddressRange> variables;  // .data and .bss without what is read-only after relocation, in whole pages
  AddressRange lazy_bindings;           // among them: where the loader notes functions when they are first called
};

// All modules, the executable first.
std::vector<Module> loaded_modules();

// Grows whenever a library was loaded or unloaded: tells whether loaded_modules() would give something new.
std::uint64_t modules_generation() noexcept;

}  // namespace afterimage::os
