#include "heap/caller_routing.h"

#include <cstring>
#include <link.h>

namespace afterimage {

constinit SystemCode g_system_code = {};

namespace {

CodeRange* range_for(const char* path) noexcept {
  const char* const slash = std::strrchr(path, '/');
  const char* const name = slash != nullptr ? slash + 1 : path;
  if (std::strncmp(name, "libc.so", 7) == 0) return &g_system_code.libc;
  if (std::strncmp(name, "ld-linux", 8) == 0) return &g_system_code.loader;
  return nullptr;
}

int note_module(dl_phdr_info* module, std::size_t, void*) noexcept {
  CodeRange* const range = range_for(module->dlpi_name);
  for (int i = 0; range != nullptr && i < module->dlpi_phnum; ++i) {
    const auto& segment = module->dlpi_phdr[i];
    if (segment.p_type == PT_LOAD && (segment.p_flags & PF_X) != 0) {
      *range = {module->dlpi_addr + segment.p_vaddr, segment.p_memsz};
    }
  }
  return 0;
}

[[gnu::constructor(101)]] void find_system_code() noexcept { dl_iterate_phdr(note_module, nullptr); }

}  // namespace
}  // namespace afterimage
