#include "replay/page_comparison.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <sstream>

#include "base/hex.h"
#include "replay/reports.h"

namespace afterimage::replay {
namespace {

constexpr std::size_t kPageBytes = 4096;
constexpr std::size_t kChunkBytes = 64 * 1024;

alignas(64) std::byte g_chunk[kChunkBytes];

struct Counts : PagesReport {
  Relocation relocation;

  void add_page(std::uintptr_t address, const std::byte* recorded, const std::byte* replayed) noexcept {
    ++compared;
    if (std::memcmp(recorded, replayed, kPageBytes) == 0) return;
    const std::uint64_t before = different_words;
    for (std::size_t at = 0; at < kPageBytes; at += sizeof(std::uint64_t)) {
      Word word{.address = address + at, .recorded = 0, .replayed = 0};
      std::memcpy(&word.recorded, recorded + at, sizeof word.recorded);
      std::memcpy(&word.replayed, replayed + at, sizeof word.replayed);
      if (word.recorded == relocation.as_recorded(word.replayed)) continue;
      if (different_words < kWords) words[different_words] = word;
      ++different_words;
    }
    different += different_words > before;
  }
};

}  // namespace

Status PageComparison::open(const std::string& list, std::uintptr_t base, std::size_t bytes, const Relocation& relocation) {
  relocation_ = relocation;
  std::ifstream file(list);
  std::string line, path;
  if (!std::getline(file, line) || !line.starts_with("core "))
    return Status(0, list + " is not a list of pages: its first line must be `core PATH`.");
  path = line.substr(5);
  while (std::getline(file, line)) {
    std::istringstream fields(line);
    std::string word;
    Load load{};
    if (!(fields >> word >> std::hex >> load.address >> load.bytes >> load.offset) || word != "load")
      return Status(0, list + ": expected `load ADDRESS BYTES OFFSET`, found: " + line);
    const bool inside = load.address >= base && load.bytes <= bytes && load.address - base <= bytes - load.bytes;
    if (!inside || load.address % kPageBytes != 0 || load.bytes % kPageBytes != 0)
      return Status(0, list + ": " + hex(load.address) + " is not a range of pages in the reactor's slot.");
    loads_.push_back(load);
  }
  core_ = FileDescriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!core_.valid()) return Status(errno, path + " cannot be opened: " + std::strerror(errno) + ".");
  return {};
}

void PageComparison::report() const noexcept {
  Counts counts;
  counts.relocation = relocation_;
  for (const Load& load : loads_) {
    for (std::size_t done = 0; done < load.bytes;) {
      const std::size_t wanted = load.bytes - done < kChunkBytes ? load.bytes - done : kChunkBytes;
      const ssize_t got = pread(core_.get(), g_chunk, wanted, static_cast<off_t>(load.offset + done));
      const std::size_t whole = got <= 0 ? 0 : static_cast<std::size_t>(got) / kPageBytes * kPageBytes;
      for (std::size_t at = 0; at < whole; at += kPageBytes) {
        const std::uintptr_t address = load.address + done + at;
        counts.add_page(address, g_chunk + at, reinterpret_cast<const std::byte*>(relocation_.to_here(address)));
      }
      done += whole;
      if (whole == wanted) continue;
      counts.missing += (load.bytes - done) / kPageBytes;
      break;
    }
  }
  report_pages(counts);
}

}  // namespace afterimage::replay
