#include "mappings.h"

#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>

#include <cinttypes>
#include <string_view>

#include "code.h"
#include "heap/slots.h"

namespace afterimage::check {
namespace {

struct Line {
  std::uintptr_t begin, end;
  char access[5];
  char name[256];
};

bool parse(const char* text, Line& line) noexcept {
  int name_at = 0;
  if (sscanf(text, "%" SCNxPTR "-%" SCNxPTR " %4s %*s %*s %*s %n", &line.begin, &line.end, line.access, &name_at) < 3) return false;
  snprintf(line.name, sizeof line.name, "%s", text + name_at);
  line.name[strcspn(line.name, "\n")] = '\0';
  return true;
}

bool is_libc_arena(const Line& line) noexcept {
  constexpr std::uintptr_t kArenaBytes = std::uintptr_t{64} << 20;  // each other arena of glibc's is aligned to its largest size
  return line.name[0] == '\0' && line.begin % kArenaBytes == 0;
}

Place place_of(const Line& line) noexcept {
  if (strcmp(line.name, "[heap]") == 0 || is_libc_arena(line)) return Place::ordinary_heap;
  if (strncmp(line.name, "[stack", 6) == 0) return Place::stack;
  return Place::mapping;
}

// Whether a replay has the same there, or nobody keeps pointers there.
bool is_left_out(const Line& line, const ModuleRange* module) noexcept {
  if (strchr(line.access, 'r') == nullptr || in_zones(reinterpret_cast<void*>(line.begin))) return true;
  if (module == nullptr) return strncmp(line.name, "[v", 2) == 0;  // [vdso], [vvar], [vsyscall]
  return module->code != Code::program || line.begin < module->data_begin || line.begin >= module->data_end;
}

}  // namespace

const std::vector<Mapping>& read_mappings() {
  static thread_local std::vector<Mapping> mappings;
  mappings.clear();
  FILE* const file = fopen("/proc/self/maps", "re");
  if (file == nullptr) return mappings;
  char text[512];
  Line line{};
  while (fgets(text, sizeof text, file) != nullptr) {
    if (!parse(text, line)) continue;
    const ModuleRange* const module = module_of(line.begin);
    if (is_left_out(line, module)) continue;
    Mapping mapping{line.begin, line.end, module != nullptr ? Place::module_data : place_of(line), ""};
    const std::string_view name = module != nullptr ? module->path : line.name;
    memcpy(mapping.name, name.data(), name.size() < sizeof mapping.name ? name.size() : sizeof mapping.name - 1);
    mappings.push_back(mapping);
  }
  fclose(file);
  return mappings;
}

}  // namespace afterimage::check
