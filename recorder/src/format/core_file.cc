#include "format/core_file.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/procfs.h>
#include <sys/stat.h>

#include <cstring>

namespace afterimage::format {
namespace {

constexpr std::uint64_t kPage = 4096;
constexpr char kNoteName[] = "AFTRIMG";

std::uint64_t page_up(std::uint64_t n) { return (n + kPage - 1) & ~(kPage - 1); }
std::size_t word_up(std::size_t n) { return (n + 3) & ~std::size_t{3}; }

void append_note(std::string& notes, const char* name, std::uint32_t type, const void* desc, std::size_t bytes) {
  const Elf64_Nhdr header{static_cast<Elf64_Word>(std::strlen(name) + 1), static_cast<Elf64_Word>(bytes), type};
  notes.append(reinterpret_cast<const char*>(&header), sizeof header);
  notes.append(name, header.n_namesz);
  notes.resize(word_up(notes.size()));
  notes.append(static_cast<const char*>(desc), bytes);
  notes.resize(word_up(notes.size()));
}

std::string file_note(std::span<const CoreModule> modules) {
  std::string desc;
  const auto number = [&](std::uint64_t value) { desc.append(reinterpret_cast<const char*>(&value), sizeof value); };
  number(modules.size());
  number(kPage);
  for (const CoreModule& module : modules) {
    number(module.base);
    number(module.base + module.bytes);
    number(0);
  }
  for (const CoreModule& module : modules) desc.append(module.path.c_str(), module.path.size() + 1);
  return desc;
}

std::string note_section(const CoreNotes& all) {
  std::string notes;
  prstatus_t status{};
  status.pr_pid = getpid();
  append_note(notes, "CORE", NT_PRSTATUS, &status, sizeof status);
  prpsinfo_t process{};
  process.pr_pid = getpid();
  std::strncpy(process.pr_fname, "snapshot", sizeof process.pr_fname - 1);
  std::strncpy(process.pr_psargs, "afterimage snapshot", sizeof process.pr_psargs - 1);
  append_note(notes, "CORE", NT_PRPSINFO, &process, sizeof process);
  const elf_fpregset_t floating{};
  append_note(notes, "CORE", NT_FPREGSET, &floating, sizeof floating);
  append_note(notes, "CORE", NT_AUXV, all.auxiliary_vector.data(), all.auxiliary_vector.size());
  const std::string files = file_note(all.modules);
  append_note(notes, "CORE", NT_FILE, files.data(), files.size());
  append_note(notes, kNoteName, kSnapshotNoteType, &all.snapshot, sizeof all.snapshot);
  append_note(notes, kNoteName, kThreadNoteType, all.thread_state.data(), all.thread_state.size());
  append_note(notes, kNoteName, kLocaleNoteType, all.locale.data(), all.locale.size());
  return notes;
}

int write_at(int descriptor, const void* data, std::size_t bytes, std::uint64_t offset) {
  const auto* p = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t written = pwrite(descriptor, p, bytes, static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    if (written == 0) return ENOSPC;
    p += written;
    offset += static_cast<std::uint64_t>(written);
    bytes -= static_cast<std::size_t>(written);
  }
  return 0;
}

bool read_at(int descriptor, void* data, std::size_t bytes, std::uint64_t offset) {
  auto* p = static_cast<char*>(data);
  while (bytes > 0) {
    const ssize_t got = pread(descriptor, p, bytes, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    p += got;
    offset += static_cast<std::uint64_t>(got);
    bytes -= static_cast<std::size_t>(got);
  }
  return true;
}

Elf64_Ehdr core_header(std::size_t program_headers) {
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_ident[EI_VERSION] = EV_CURRENT;
  header.e_type = ET_CORE;
  header.e_machine = EM_X86_64;
  header.e_version = EV_CURRENT;
  header.e_phoff = sizeof header;
  header.e_ehsize = sizeof header;
  header.e_phentsize = sizeof(Elf64_Phdr);
  header.e_phnum = static_cast<Elf64_Half>(program_headers);
  return header;
}

}  // namespace

int write_core(int descriptor, const CoreNotes& all, std::span<const CoreRange> ranges) {
  if (ranges.size() + 1 >= PN_XNUM) return E2BIG;
  const std::string notes = note_section(all);
  std::vector<Elf64_Phdr> headers(ranges.size() + 1);
  std::uint64_t offset = sizeof(Elf64_Ehdr) + headers.size() * sizeof(Elf64_Phdr);
  headers[0].p_type = PT_NOTE;
  headers[0].p_offset = offset;
  headers[0].p_filesz = notes.size();
  headers[0].p_align = 4;
  offset = page_up(offset + notes.size());
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    Elf64_Phdr& header = headers[i + 1];
    header.p_type = PT_LOAD;
    header.p_flags = ranges[i].flags;
    header.p_offset = offset;
    header.p_vaddr = ranges[i].address;
    header.p_filesz = header.p_memsz = ranges[i].bytes;
    header.p_align = kPage;
    offset += ranges[i].bytes;
  }

  // A full disk is found out here, before anything is copied.
  if (const int error = posix_fallocate(descriptor, 0, static_cast<off_t>(offset)); error != 0 && error != EOPNOTSUPP)
    return error;
  const Elf64_Ehdr header = core_header(headers.size());
  int error = write_at(descriptor, &header, sizeof header, 0);
  if (error == 0) error = write_at(descriptor, headers.data(), headers.size() * sizeof headers[0], sizeof header);
  if (error == 0) error = write_at(descriptor, notes.data(), notes.size(), headers[0].p_offset);
  for (std::size_t i = 0; error == 0 && i < ranges.size(); ++i)
    error = write_at(descriptor, ranges[i].data, ranges[i].bytes, headers[i + 1].p_offset);
  return error;
}

Status CoreFile::open(const std::string& path) {
  path_ = path;
  file_ = FileDescriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file_.valid()) return Status(errno, "snapshot " + path + " cannot be opened: " + std::strerror(errno) + ".");
  file_.move_out_of_the_way();
  struct stat info;
  if (fstat(file_.get(), &info) != 0) return Status(errno, "snapshot " + path + ": " + std::strerror(errno) + ".");
  return read_headers(static_cast<std::uint64_t>(info.st_size));
}

Status CoreFile::read_headers(std::uint64_t file_bytes) {
  Elf64_Ehdr header;
  if (!read_at(file_.get(), &header, sizeof header, 0) || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
      header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_type != ET_CORE || header.e_machine != EM_X86_64 ||
      header.e_phentsize != sizeof(Elf64_Phdr))
    return Status(0, "snapshot " + path_ + " is not an x86-64 ELF core file.");
  std::vector<Elf64_Phdr> headers(header.e_phnum);
  if (!read_at(file_.get(), headers.data(), headers.size() * sizeof headers[0], header.e_phoff))
    return Status(0, "snapshot " + path_ + " is truncated inside its headers.");
  for (const Elf64_Phdr& program : headers) {
    if (program.p_offset > file_bytes || program.p_filesz > file_bytes - program.p_offset)
      return Status(0, "snapshot " + path_ + " is truncated: " + std::to_string(file_bytes) + " bytes of at least " +
                           std::to_string(program.p_offset + program.p_filesz) + ".");
    if (program.p_type == PT_NOTE) {
      if (Status status = read_notes(program.p_offset, program.p_filesz); !status) return status;
    } else if (program.p_type == PT_LOAD) {
      if ((program.p_vaddr | program.p_offset | program.p_filesz) % kPage != 0 || program.p_filesz != program.p_memsz)
        return Status(0, "snapshot " + path_ + " has a load that is not made of whole pages.");
      loads_.push_back({program.p_vaddr, program.p_filesz, program.p_flags, program.p_offset});
    }
  }
  if (note_.version != 1)
    return Status(0, "snapshot " + path_ + " has version " + std::to_string(note_.version) + ", this library reads 1.");
  return {};
}

Status CoreFile::read_notes(std::uint64_t offset, std::uint64_t bytes) {
  if (bytes > (std::uint64_t{16} << 20)) return Status(0, "snapshot " + path_ + " has notes of impossible size.");
  std::string notes(bytes, '\0');
  if (!read_at(file_.get(), notes.data(), bytes, offset))
    return Status(0, "snapshot " + path_ + " is truncated inside its notes.");
  for (std::size_t at = 0; at + sizeof(Elf64_Nhdr) <= bytes;) {
    Elf64_Nhdr header;
    std::memcpy(&header, notes.data() + at, sizeof header);
    const std::size_t name = at + sizeof header, desc = name + word_up(header.n_namesz);
    if (desc > bytes || header.n_descsz > bytes - desc) break;
    if (header.n_namesz == sizeof kNoteName && std::memcmp(notes.data() + name, kNoteName, sizeof kNoteName) == 0)
      take_note(header.n_type, std::as_bytes(std::span(notes)).subspan(desc, header.n_descsz));
    at = desc + word_up(header.n_descsz);
  }
  return {};
}

void CoreFile::take_note(std::uint32_t type, std::span<const std::byte> desc) {
  if (type == kSnapshotNoteType && desc.size() >= sizeof note_) std::memcpy(&note_, desc.data(), sizeof note_);
  if (type == kThreadNoteType) thread_state_.assign(desc.begin(), desc.end());
  if (type == kLocaleNoteType) locale_.assign(reinterpret_cast<const char*>(desc.data()), desc.size());
}

}  // namespace afterimage::format
