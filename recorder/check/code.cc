#include "code.h"

#include <link.h>
#include <unistd.h>

#include <cstring>
#include <string_view>

#include "base/bits.h"
#include "os/modules.h"
#include "os/pages.h"
#include "snapshot/variable_rules.h"

namespace afterimage::check {

namespace detail {
ModuleRange g_modules[kModules];
std::size_t g_module_count = 0;
}  // namespace detail

namespace {

constinit std::uint64_t g_generation = ~std::uint64_t{0};

Code code_of(std::string_view path, bool is_vdso) noexcept {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  const auto begins = [&](std::string_view start) { return name.substr(0, start.size()) == start; };
  if (is_vdso || begins("libc.so") || begins("libpthread.so") || begins("libdl.so")) return Code::libc;
  if (begins("ld-linux")) return Code::loader;
  if (begins("libafterimage-check.so")) return Code::check;
  if (begins("libafterimage.so")) return Code::recorder;
  return is_runtime_library(name) ? Code::standard : Code::program;
}

void set_path(ModuleRange& module, const char* name) noexcept {
  if (module.executable) {
    const ssize_t length = readlink("/proc/self/exe", module.path, sizeof module.path - 1);
    module.path[length > 0 ? length : 0] = '\0';
  } else {
    std::strncpy(module.path, name, sizeof module.path - 1);
  }
}

void add_segment(ModuleRange& module, const ElfW(Phdr)& segment, std::uintptr_t relro_end) noexcept {
  const std::uintptr_t begin = module.bias + segment.p_vaddr, end = begin + segment.p_memsz;
  if (module.begin == 0) module.begin = align_down(begin, os::kPageBytes);
  module.end = align_up(end, os::kPageBytes);
  if ((segment.p_flags & PF_W) == 0) return;
  const std::uintptr_t data = align_down(begin, os::kPageBytes);
  module.data_begin = data < relro_end ? relro_end : data;
  module.data_end = module.end;
}

ModuleRange describe(const dl_phdr_info& info, bool executable) noexcept {
  ModuleRange module{};
  module.bias = info.dlpi_addr;
  module.executable = executable;
  std::uintptr_t relro_end = 0;
  for (int i = 0; i < info.dlpi_phnum; ++i) {
    const ElfW(Phdr)& segment = info.dlpi_phdr[i];
    if (segment.p_type == PT_GNU_RELRO) relro_end = align_down(module.bias + segment.p_vaddr + segment.p_memsz, os::kPageBytes);
  }
  for (int i = 0; i < info.dlpi_phnum; ++i)
    if (info.dlpi_phdr[i].p_type == PT_LOAD) add_segment(module, info.dlpi_phdr[i], relro_end);
  set_path(module, info.dlpi_name);
  const bool is_vdso = std::string_view(info.dlpi_name).find("vdso") != std::string_view::npos;
  module.code = module.executable ? Code::program : code_of(module.path, is_vdso);
  return module;
}

int add_module(dl_phdr_info* info, std::size_t, void* context) {
  std::size_t& count = *static_cast<std::size_t*>(context);
  if (count < kModules) {
    detail::g_modules[count] = describe(*info, count == 0);
    ++count;
  }
  return 0;
}

}  // namespace

bool refresh_code() noexcept {
  const std::uint64_t now = os::modules_generation();
  if (now == g_generation) return false;
  g_generation = now;
  std::size_t count = 0;
  dl_iterate_phdr(add_module, &count);
  detail::g_module_count = count;
  return true;
}

const ModuleRange* module_of(std::uintptr_t address) noexcept {
  for (std::size_t i = 0; i < detail::g_module_count; ++i) {
    const ModuleRange& module = detail::g_modules[i];
    if (address - module.begin < module.end - module.begin) return &module;
  }
  return nullptr;
}

Code code_at(std::uintptr_t address) noexcept {
  const ModuleRange* const module = module_of(address);
  return module != nullptr ? module->code : Code::none;
}

Code caller_past_libc(const CallStack& stack) noexcept {
  for (std::uint64_t i = 0; i < stack.count; ++i)
    if (const Code code = code_at(stack.frames[i]); code != Code::libc && code != Code::loader) return code;
  return Code::none;
}

}  // namespace afterimage::check
