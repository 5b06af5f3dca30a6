#include "build_id.h"

#include <elf.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

namespace afterimage::launch {

namespace {

constexpr std::size_t note_limit_bytes = 1 << 20;  // real notes are below one page

class OpenFile {
 public:
  explicit OpenFile(const std::string& path) : fd_(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  ~OpenFile() {
    const int saved = errno;
    if (fd_ >= 0) close(fd_);
    errno = saved;
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  bool opened() const noexcept { return fd_ >= 0; }
  bool read_at(std::uint64_t offset, void* out, std::size_t bytes) const noexcept {
    return pread(fd_, out, bytes, static_cast<off_t>(offset)) == static_cast<ssize_t>(bytes);
  }

 private:
  int fd_;
};

constexpr std::size_t padded(std::size_t bytes) { return (bytes + 3) & ~std::size_t{3}; }

std::string hex_digits(const unsigned char* bytes, std::size_t count) {
  static const char digits[] = "0123456789abcdef";
  std::string out;
  for (std::size_t i = 0; i < count; i++) {
    out += digits[bytes[i] >> 4];
    out += digits[bytes[i] & 15];
  }
  return out;
}

std::string build_id_in_notes(const std::vector<unsigned char>& notes) {
  for (std::size_t at = 0; at + sizeof(Elf64_Nhdr) <= notes.size();) {
    Elf64_Nhdr note;
    std::memcpy(&note, &notes[at], sizeof note);
    const auto name = at + sizeof note;
    const auto content = name + padded(note.n_namesz);
    if (content + note.n_descsz > notes.size()) return {};
    if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && std::memcmp(&notes[name], "GNU", 4) == 0) {
      return hex_digits(notes.data() + content, note.n_descsz);
    }
    at = content + padded(note.n_descsz);
  }
  return {};
}

bool is_our_machine(const Elf64_Ehdr& header) {
  return std::memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 && header.e_ident[EI_CLASS] == ELFCLASS64 &&
         header.e_machine == EM_X86_64 && header.e_phentsize == sizeof(Elf64_Phdr);
}

}  // namespace

std::optional<ElfFile> read_elf_file(const std::string& path) {
  const OpenFile file(path);
  if (!file.opened()) return std::nullopt;
  errno = ENOEXEC;
  Elf64_Ehdr header;
  if (!file.read_at(0, &header, sizeof header) || !is_our_machine(header)) return std::nullopt;
  std::vector<Elf64_Phdr> segments(header.e_phnum);
  if (!file.read_at(header.e_phoff, segments.data(), segments.size() * sizeof(Elf64_Phdr))) return std::nullopt;
  for (const auto& segment : segments) {
    if (segment.p_type != PT_NOTE || segment.p_filesz > note_limit_bytes) continue;
    std::vector<unsigned char> notes(segment.p_filesz);
    if (!file.read_at(segment.p_offset, notes.data(), notes.size())) continue;
    if (auto id = build_id_in_notes(notes); !id.empty()) return ElfFile{std::move(id)};
  }
  return ElfFile{};
}

}  // namespace afterimage::launch
