#include "os/modules.h"

#include <elf.h>
#include <limits.h>
#include <link.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <span>

namespace afterimage::os {
namespace {

constexpr std::uintptr_t kPage = 4096;

std::uintptr_t page_down(std::uintptr_t address) { return address & ~(kPage - 1); }
std::uintptr_t page_up(std::uintptr_t address) { return page_down(address + kPage - 1); }

AddressRange extent(const dl_phdr_info& info) {
  std::uintptr_t low = UINTPTR_MAX, high = 0;
  for (int i = 0; i < info.dlpi_phnum; ++i) {
    const ElfW(Phdr)& header = info.dlpi_phdr[i];
    if (header.p_type != PT_LOAD) continue;
    low = std::min(low, page_down(header.p_vaddr));
    high = std::max(high, page_up(header.p_vaddr + header.p_memsz));
  }
  if (high <= low) return {};
  return {info.dlpi_addr + low, high - low};
}

std::string hex(const unsigned char* bytes, std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) {
    text += "0123456789abcdef"[bytes[i] >> 4];
    text += "0123456789abcdef"[bytes[i] & 15];
  }
  return text;
}

std::string build_id_in(const char* notes, std::size_t bytes) {
  const auto align = [](std::size_t n) { return (n + 3) & ~std::size_t{3}; };
  while (bytes >= sizeof(ElfW(Nhdr))) {
    ElfW(Nhdr) note;
    std::memcpy(&note, notes, sizeof note);
    const std::size_t total = sizeof note + align(note.n_namesz) + align(note.n_descsz);
    if (total > bytes) break;
    if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && std::memcmp(notes + sizeof note, "GNU", 4) == 0)
      return hex(reinterpret_cast<const unsigned char*>(notes) + sizeof note + 4, note.n_descsz);
    notes += total;
    bytes -= total;
  }
  return {};
}

std::string build_id(const dl_phdr_info& info) {
  for (int i = 0; i < info.dlpi_phnum; ++i) {
    const ElfW(Phdr)& header = info.dlpi_phdr[i];
    if (header.p_type != PT_NOTE) continue;
    const auto* const notes = reinterpret_cast<const char*>(info.dlpi_addr + header.p_vaddr);
    if (std::string id = build_id_in(notes, header.p_memsz); !id.empty()) return id;
  }
  return {};
}

std::string absolute(const char* name) {
  char real[PATH_MAX];
  if (name[0] == '/' && realpath(name, real) != nullptr) return real;
  return name;
}

std::string executable_path() {
  char path[PATH_MAX];
  const ssize_t length = readlink("/proc/self/exe", path, sizeof path);
  return length > 0 ? std::string(path, static_cast<std::size_t>(length)) : std::string();
}

std::vector<AddressRange> variables(const dl_phdr_info& info) {
  const std::span headers(info.dlpi_phdr, info.dlpi_phnum);
  std::uintptr_t relro_end = 0;
  for (const ElfW(Phdr)& header : headers)
    if (header.p_type == PT_GNU_RELRO) relro_end = page_down(header.p_vaddr + header.p_memsz);
  std::vector<AddressRange> ranges;
  for (const ElfW(Phdr)& header : headers) {
    if (header.p_type != PT_LOAD || (header.p_flags & PF_W) == 0) continue;
    const std::uintptr_t begin = std::max(page_down(header.p_vaddr), relro_end);
    const std::uintptr_t end = page_up(header.p_vaddr + header.p_memsz);
    if (begin < end) ranges.push_back({info.dlpi_addr + begin, end - begin});
  }
  return ranges;
}

AddressRange lazy_bindings(const dl_phdr_info& info) {
  std::uintptr_t table = 0;
  std::size_t entries = 0;
  for (const ElfW(Phdr)& header : std::span(info.dlpi_phdr, info.dlpi_phnum)) {
    if (header.p_type != PT_DYNAMIC) continue;
    for (auto* entry = reinterpret_cast<const ElfW(Dyn)*>(info.dlpi_addr + header.p_vaddr); entry->d_tag != DT_NULL; ++entry) {
      if (entry->d_tag == DT_PLTGOT) table = entry->d_un.d_ptr;
      if (entry->d_tag == DT_PLTRELSZ) entries = entry->d_un.d_val / sizeof(ElfW(Rela));
    }
  }
  constexpr std::size_t kOfLoader = 3;
  return table == 0 ? AddressRange{} : AddressRange{table, (kOfLoader + entries) * sizeof(ElfW(Addr))};
}

Module describe(const dl_phdr_info& info) {
  const AddressRange range = extent(info);
  const auto holds = [&](unsigned long address) { return address - range.address < range.bytes; };
  Module module{.kind = "lib", .base = range.address, .bytes = range.bytes, .build_id = build_id(info), .path = {},
                .variables = variables(info), .lazy_bindings = lazy_bindings(info)};
  if (range.address == getauxval(AT_SYSINFO_EHDR)) {
    module.kind = "vdso";
    module.path = "[vdso]";
  } else if (holds(getauxval(AT_PHDR))) {
    module.kind = "exe";
    module.path = executable_path();
  } else {
    if (getauxval(AT_BASE) != 0 && range.address == getauxval(AT_BASE)) module.kind = "interp";
    module.path = absolute(info.dlpi_name);
  }
  return module;
}

}  // namespace

std::vector<Module> loaded_modules() {
  std::vector<Module> modules;
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* list) {
        static_cast<std::vector<Module>*>(list)->push_back(describe(*info));
        return 0;
      },
      &modules);
  return modules;
}

std::uint64_t modules_generation() noexcept {
  std::uint64_t count = 0;
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* result) {
        *static_cast<std::uint64_t*>(result) = info->dlpi_adds + info->dlpi_subs;
        return 1;  // the same in every entry
      },
      &count);
  return count;
}

}  // namespace afterimage::os
