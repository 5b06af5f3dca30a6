#include "os/symbols.h"

#include <cxxabi.h>
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unwind.h>

#include <cstdlib>
#include <cstring>
#include <span>
#include <string_view>

#include "base/file_descriptor.h"
#include "base/hex.h"

namespace afterimage::os {
namespace {

struct Place {
  std::uintptr_t address = 0, bias = 0;  // bias: what was added to the addresses in the file
  std::string path;                      // empty: outside of all modules
};

int find_module(dl_phdr_info* module, std::size_t, void* context) {
  Place& place = *static_cast<Place*>(context);
  for (int i = 0; i < module->dlpi_phnum; ++i) {
    const auto& segment = module->dlpi_phdr[i];
    if (segment.p_type != PT_LOAD || place.address - (module->dlpi_addr + segment.p_vaddr) >= segment.p_memsz) continue;
    place.bias = module->dlpi_addr;
    place.path = module->dlpi_name[0] != '\0' ? module->dlpi_name : "/proc/self/exe";
    return 1;
  }
  return 0;
}

// A module's file in memory. Every offset in it is checked: a recording may have come with it.
class ElfFile {
 public:
  explicit ElfFile(const std::string& path) {
    const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat info;
    if (!file.valid() || fstat(file.get(), &info) != 0 || info.st_size <= 0) return;
    bytes_ = static_cast<std::size_t>(info.st_size);
    void* const memory = mmap(nullptr, bytes_, PROT_READ, MAP_PRIVATE, file.get(), 0);
    if (memory != MAP_FAILED) data_ = static_cast<const std::byte*>(memory);
  }
  ~ElfFile() {
    if (data_ != nullptr) munmap(const_cast<std::byte*>(data_), bytes_);
  }
  ElfFile(const ElfFile&) = delete;
  ElfFile& operator=(const ElfFile&) = delete;

  // The function at an address of the file; how far into it is left in `offset`.
  std::string_view function_at(std::uintptr_t address, std::uintptr_t& offset) const {
    const auto sections = this->sections();
    for (const Elf64_Word wanted : {Elf64_Word{SHT_SYMTAB}, Elf64_Word{SHT_DYNSYM}})
      for (const Elf64_Shdr& section : sections)
        if (section.sh_type == wanted && section.sh_link < sections.size())
          if (const auto name = find(section, sections[section.sh_link], address, offset); !name.empty()) return name;
    return {};
  }

 private:
  template <typename T>
  std::span<const T> array(std::uint64_t offset, std::uint64_t count) const {
    if (data_ == nullptr || offset > bytes_ || offset % alignof(T) != 0 || count > (bytes_ - offset) / sizeof(T)) return {};
    return {reinterpret_cast<const T*>(data_ + offset), count};
  }

  std::span<const Elf64_Shdr> sections() const {
    const auto header = array<Elf64_Ehdr>(0, 1);
    if (header.empty() || std::memcmp(header[0].e_ident, ELFMAG, SELFMAG) != 0) return {};
    return array<Elf64_Shdr>(header[0].e_shoff, header[0].e_shnum);
  }

  std::string_view find(const Elf64_Shdr& symbols, const Elf64_Shdr& strings, std::uintptr_t address,
                        std::uintptr_t& offset) const {
    const auto names = array<char>(strings.sh_offset, strings.sh_size);
    for (const Elf64_Sym& symbol : array<Elf64_Sym>(symbols.sh_offset, symbols.sh_size / sizeof(Elf64_Sym))) {
      if (ELF64_ST_TYPE(symbol.st_info) != STT_FUNC || address - symbol.st_value >= symbol.st_size) continue;
      if (symbol.st_name >= names.size()) continue;
      offset = address - symbol.st_value;
      const std::string_view rest(names.data() + symbol.st_name, names.size() - symbol.st_name);
      return rest.substr(0, rest.find('\0'));
    }
    return {};
  }

  const std::byte* data_ = nullptr;
  std::size_t bytes_ = 0;
};

std::string readable(std::string_view name) {
  const std::string mangled(name);
  int status = 0;
  char* const text = abi::__cxa_demangle(mangled.c_str(), nullptr, nullptr, &status);
  const std::string result = status == 0 ? text : mangled;
  std::free(text);
  return result;
}

std::string base_name(const std::string& path) {
  char target[4096];
  const char* shown = path.c_str();
  if (path == "/proc/self/exe") {
    const auto length = readlink(path.c_str(), target, sizeof target - 1);
    if (length > 0) target[length] = '\0', shown = target;
  }
  const char* const slash = std::strrchr(shown, '/');
  return slash != nullptr ? slash + 1 : shown;
}

_Unwind_Reason_Code look_at_frame(_Unwind_Context* frame, void* context) {
  Place place{.address = _Unwind_GetIP(frame), .bias = 0, .path = {}};
  dl_iterate_phdr(find_module, &place);
  if (place.path.empty() || is_system_library(place.path)) return _URC_NO_REASON;
  *static_cast<std::uintptr_t*>(context) = place.address;
  return _URC_END_OF_STACK;
}

}  // namespace

bool is_system_library(const std::string& path) {
  const std::string name = base_name(path);
  for (const std::string_view begin : {"libafterimage.so", "libc.so", "libstdc++.so", "libgcc_s.so", "libm.so", "ld-linux", "linux-vdso"})
    if (std::string_view(name).starts_with(begin)) return true;
  return false;
}

std::string code_name(std::uintptr_t address) {
  Place place{.address = address, .bias = 0, .path = {}};
  dl_iterate_phdr(find_module, &place);
  if (place.path.empty()) return hex(address);
  std::uintptr_t offset = 0;
  const ElfFile file(place.path);
  // The address is behind the call: the last byte of a function that ends with one is before it.
  const std::string_view function = file.function_at(address - place.bias - 1, offset);
  if (function.empty()) return base_name(place.path) + "+" + hex(address - place.bias);
  return readable(function) + "+" + hex(offset + 1);
}

std::uintptr_t calling_program_code() noexcept {
  std::uintptr_t found = 0;
  _Unwind_Backtrace(look_at_frame, &found);
  return found;
}

}  // namespace afterimage::os
