#include "interpreter_image.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <vector>

namespace afterimage::launch {

namespace {

constexpr Address page_bytes = 4096;
constexpr Address page_of(Address address) { return address & ~(page_bytes - 1); }
constexpr Address pages_up(Address address) { return page_of(address + page_bytes - 1); }

struct Layout {
  Address entry = 0;
  std::vector<Elf64_Phdr> loads;

  Address end() const {
    Address end = 0;
    for (const auto& load : loads) end = std::max(end, pages_up(load.p_vaddr + load.p_memsz));
    return end;
  }
};

Layout read_layout(const std::string& file) {
  Layout layout;
  std::ifstream in(file, std::ios::binary);
  Elf64_Ehdr header{};
  in.read(reinterpret_cast<char*>(&header), sizeof header);
  std::vector<Elf64_Phdr> segments(in ? header.e_phnum : 0);
  in.seekg(static_cast<std::streamoff>(header.e_phoff));
  in.read(reinterpret_cast<char*>(segments.data()), static_cast<std::streamsize>(segments.size() * sizeof(Elf64_Phdr)));
  for (const auto& segment : segments) {
    if (segment.p_type == PT_LOAD) layout.loads.push_back(segment);
  }
  layout.entry = header.e_entry;
  if (!in || layout.loads.empty()) throw LaunchError(ExitCode::no_program, file, " cannot be read, or is no dynamic linker.");
  return layout;
}

long checked(long result, const char* what, const std::string& file) {
  if (result >= 0) return result;
  throw LaunchError(ExitCode::not_permitted, file, " could not be ", what, ": ", error_text(static_cast<int>(-result)), ".");
}

// Below the stack pointer, where nothing is in use as yet.
long open_in(Tracee& tracee, const std::string& file) {
  const Address scratch = page_of(tracee.registers().rsp) - 2 * page_bytes;
  tracee.write(scratch, file.c_str(), file.size() + 1);
  return checked(tracee.call(SYS_openat, static_cast<Address>(AT_FDCWD), scratch, O_RDONLY), "opened by the program", file);
}

Address protection_of(const Elf64_Phdr& load) {
  return ((load.p_flags & PF_R) != 0 ? PROT_READ : 0) | ((load.p_flags & PF_W) != 0 ? PROT_WRITE : 0) |
         ((load.p_flags & PF_X) != 0 ? PROT_EXEC : 0);
}

// Its part of the file, and zeroes behind that.
void map_load(Tracee& tracee, const Elf64_Phdr& load, Address base, Address descriptor, const std::string& file) {
  const Address begin = page_of(base + load.p_vaddr);
  const Address file_end = base + load.p_vaddr + load.p_filesz, end = base + load.p_vaddr + load.p_memsz;
  const Address file_pages_end = pages_up(file_end);
  if (load.p_filesz > 0) {
    checked(tracee.call(SYS_mmap, begin, file_pages_end - begin, protection_of(load), MAP_PRIVATE | MAP_FIXED, descriptor,
                        page_of(load.p_offset)), "mapped", file);
  }
  if (end > file_end && (load.p_flags & PF_W) != 0) {
    const std::vector<unsigned char> zeroes(std::min(file_pages_end, pages_up(end)) - file_end);
    if (!zeroes.empty()) tracee.write(file_end, zeroes.data(), zeroes.size());
  }
  if (pages_up(end) > file_pages_end) {
    checked(tracee.call(SYS_mmap, file_pages_end, pages_up(end) - file_pages_end, protection_of(load),
                        MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS, ~Address{0}, 0), "given memory", file);
  }
}

}  // namespace

Interpreter replace_interpreter(Tracee& tracee, const Image& kernels, const std::string& file, Address base) {
  const Layout layout = read_layout(file);
  for (const auto& mapping : kernels.mappings) tracee.call(SYS_munmap, mapping.begin, mapping.end - mapping.begin);
  if (const auto* other = AddressSpace::of(tracee.pid()).overlapping(base, layout.end()); other != nullptr) {
    throw TryAgain{text(file, " belongs at ", hex(base), ", where ", other->path, " is")};
  }
  const auto descriptor = static_cast<Address>(open_in(tracee, file));
  for (const auto& load : layout.loads) map_load(tracee, load, base, descriptor, file);
  tracee.call(SYS_close, descriptor);
  note(text(file, " at ", hex(base), ", in place of ", kernels.path()));
  return {base, base + layout.entry};
}

}  // namespace afterimage::launch
