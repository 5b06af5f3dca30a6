#include "format/core_file.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/procfs.h>
#include <sys/stat.h>

#include <cstring>

#include "format/positioned_io.h"

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

// All that comes before the first load.
struct CoreHead {
  std::string bytes;
  std::vector<Elf64_Phdr> headers;  // of the notes, then one for each range
  std::uint64_t core_bytes = 0;
};

CoreHead head_of(const CoreNotes& all, std::span<const CoreRange> ranges) {
  CoreHead head;
  const std::string notes = note_section(all);
  head.headers.resize(ranges.size() + 1);
  std::uint64_t offset = sizeof(Elf64_Ehdr) + head.headers.size() * sizeof(Elf64_Phdr);
  head.headers[0].p_type = PT_NOTE;
  head.headers[0].p_offset = offset;
  head.headers[0].p_filesz = notes.size();
  head.headers[0].p_align = 4;
  offset = page_up(offset + notes.size());
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    Elf64_Phdr& header = head.headers[i + 1];
    header.p_type = PT_LOAD;
    header.p_flags = ranges[i].flags;
    header.p_offset = offset;
    header.p_vaddr = ranges[i].address;
    header.p_filesz = header.p_memsz = ranges[i].bytes;
    header.p_align = kPage;
    offset += ranges[i].bytes;
  }
  const Elf64_Ehdr first = core_header(head.headers.size());
  head.bytes.append(reinterpret_cast<const char*>(&first), sizeof first);
  head.bytes.append(reinterpret_cast<const char*>(head.headers.data()), head.headers.size() * sizeof head.headers[0]);
  head.bytes += notes;
  head.bytes.resize(page_up(head.bytes.size()));
  head.core_bytes = offset;
  return head;
}

}  // namespace

int write_core(int descriptor, const CoreNotes& all, std::span<const CoreRange> ranges) {
  if (ranges.size() + 1 >= PN_XNUM) return E2BIG;
  const CoreHead head = head_of(all, ranges);
  // A full disk is found out here, before anything is copied.
  if (const int error = posix_fallocate(descriptor, 0, static_cast<off_t>(head.core_bytes)); error != 0 && error != EOPNOTSUPP)
    return error;
  int error = write_at(descriptor, head.bytes.data(), head.bytes.size(), 0);
  for (std::size_t i = 0; error == 0 && i < ranges.size(); ++i)
    error = write_at(descriptor, ranges[i].data, ranges[i].bytes, head.headers[i + 1].p_offset);
  return error;
}

// The head is a frame of its own: who only wants to know what is there reads no more.
int write_compressed_core(int descriptor, int level, const CoreNotes& all, std::span<const CoreRange> ranges) {
  if (ranges.size() + 1 >= PN_XNUM) return E2BIG;
  const std::string head = head_of(all, ranges).bytes;
  ZstdFrameWriter frames(descriptor, level);
  int error = frames.write(head.data(), head.size());
  if (error == 0) error = frames.end_frame();
  for (std::size_t i = 0; error == 0 && i < ranges.size(); ++i) error = frames.write(ranges[i].data, ranges[i].bytes);
  return error == 0 ? frames.finish() : error;
}

Status CoreFile::open(const std::string& path) {
  path_ = path;
  file_ = FileDescriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file_.valid()) return Status(errno, "snapshot " + path + " cannot be opened: " + std::strerror(errno) + ".");
  file_.move_out_of_the_way();
  struct stat info;
  if (fstat(file_.get(), &info) != 0) return Status(errno, "snapshot " + path + ": " + std::strerror(errno) + ".");
  const auto file_bytes = static_cast<std::uint64_t>(info.st_size);
  if (!ZstdFrameReader::begins(file_.get())) return read_headers(file_bytes);
  if (Status status = open_frames(file_bytes); !status) return status;
  return read_headers(frames_.content_bytes());
}

// What it was compressed from is a file in memory, as large; only the head is there yet.
Status CoreFile::open_frames(std::uint64_t file_bytes) {
  if (const std::string problem = frames_.open(file_.get(), file_bytes); !problem.empty()) return damaged(problem);
  content_ = FileDescriptor(memfd_create("snapshot", MFD_CLOEXEC));
  content_.move_out_of_the_way();
  if (!content_.valid() || ftruncate(content_.get(), static_cast<off_t>(frames_.content_bytes())) != 0)
    return Status(errno, "snapshot " + path_ + " cannot be decompressed: " + std::strerror(errno) + ".");
  std::vector<std::byte> head(frames_.frames().front().content_bytes);
  if (const std::string problem = frames_.read(frames_.frames().front(), head.data()); !problem.empty()) return damaged(problem);
  const int error = write_at(content_.get(), head.data(), head.size(), 0);
  return error == 0 ? Status() : Status(error, "snapshot " + path_ + " cannot be decompressed: " + std::strerror(error) + ".");
}

Status CoreFile::damaged(const std::string& problem) const {
  return Status(0, "snapshot " + path_ + " " + problem + ". Copy the recording again, or take this file out of it: an earlier snapshot then serves.");
}

// By mapping: a replay may not write to files. Its first frame is there already.
Status CoreFile::bring_content() const {
  if (!content_.valid() || has_content_) return {};
  const std::size_t bytes = frames_.content_bytes();
  void* const memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, content_.get(), 0);
  if (memory == MAP_FAILED) return Status(errno, "snapshot " + path_ + " cannot be decompressed: " + std::strerror(errno) + ".");
  std::string problem;
  auto* to = static_cast<std::byte*>(memory);
  for (const ZstdFrame& frame : frames_.frames()) {
    if (problem.empty()) problem = frames_.read(frame, to);
    to += frame.content_bytes;
  }
  munmap(memory, bytes);
  has_content_ = problem.empty();
  return has_content_ ? Status() : damaged(problem);
}

void CoreFile::forget_content() const noexcept {
  if (!has_content_) return;
  void* const memory = mmap(nullptr, frames_.content_bytes(), PROT_READ | PROT_WRITE, MAP_SHARED, content_.get(), 0);
  if (memory == MAP_FAILED) return;
  has_content_ = madvise(memory, frames_.content_bytes(), MADV_REMOVE) != 0;
  munmap(memory, frames_.content_bytes());
}

Status CoreFile::read_headers(std::uint64_t file_bytes) {
  Elf64_Ehdr header;
  if (!read_at(descriptor(), &header, sizeof header, 0) || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
      header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_type != ET_CORE || header.e_machine != EM_X86_64 ||
      header.e_phentsize != sizeof(Elf64_Phdr))
    return Status(0, "snapshot " + path_ + " is not an x86-64 ELF core file.");
  std::vector<Elf64_Phdr> headers(header.e_phnum);
  if (!read_at(descriptor(), headers.data(), headers.size() * sizeof headers[0], header.e_phoff))
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
  if (!read_at(descriptor(), notes.data(), bytes, offset))
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
