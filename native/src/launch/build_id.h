// The build-id of an ELF file: the only proof that a file is the one that was recorded.
#pragma once

#include <optional>
#include <string>

namespace afterimage::launch {

struct ElfFile {
  std::string build_id;  // lower-case hex; empty: linked without --build-id
};

// Nothing when the file cannot be read (errno says why) or is not an x86-64 ELF file (errno is ENOEXEC).
std::optional<ElfFile> read_elf_file(const std::string& path);

}  // namespace afterimage::launch
