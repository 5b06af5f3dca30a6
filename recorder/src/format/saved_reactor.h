// A reactor as bytes of the program's own: a row of its database (FORMAT.md §10).
//
//     head    what it is, and of which executable
//     runs    the memory of its heap that is not zero, ascending; each in front of its bytes
//
// No core file, as snapshots are: whole pages, notes and the modules' first pages would be 200 KB for a reactor of 10 KB.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "afterimage/codec.h"
#include "afterimage/status.h"
#include "base/bits.h"

namespace afterimage::format {

inline constexpr char kSavedMagic[16] = {'A', 'F', 'T', 'R', 'I', 'M', 'G', '-', 'S', 'A', 'V', 'E', 'D', '-', '0', '1'};

struct SavedHead {
  char magic[16] = {};
  std::uint32_t version = 0;   // 1
  std::uint32_t head_crc = 0;  // of what follows, up to the first run
  std::uint64_t bytes = 0;     // of the whole
  std::uint64_t slot_base = 0, slot_bytes = 0;
  std::uint32_t runs_crc = 0;
  std::uint32_t type_bytes = 0;     // of the mangled type, which follows
  std::uint32_t modules_bytes = 0;  // of the modules, which follow that: both are filled with zeroes to multiples of 8
  std::uint32_t reserved = 0;
};
static_assert(sizeof(SavedHead) == 64);

// Behind it: the build-id in hexadecimal, and the path.
struct SavedModule {
  std::uint64_t base, bytes;
  std::uint32_t build_id_bytes, path_bytes;
};

// Whole lines of 64 bytes. What lies between two runs is zero.
struct SavedRun {
  std::uint64_t offset;  // in the slot
  std::uint64_t bytes;
};
inline constexpr std::size_t kSavedLine = 64;

// Puts runs behind a head, into memory that is large enough: a line that is zero is left out, and each run has its own 16 bytes.
class SavedRunWriter {
 public:
  explicit SavedRunWriter(std::byte* at) noexcept : at_(at) {}
  // Of that which is not zero in so many bytes, at most. `ranges`: how many times add() will be called for other than the next address.
  static constexpr std::size_t room_for(std::size_t bytes, std::size_t ranges) noexcept {
    return bytes + (bytes / kLongestRun + ranges + 1) * sizeof(SavedRun);
  }

  // Whole pages of the slot, ascending.
  void add(std::uint64_t offset, const std::byte* data, std::size_t bytes) noexcept;
  // The end of the last one.
  std::byte* finish() noexcept {
    end_run();
    return at_;
  }
  std::uint32_t crc() const noexcept { return crc_; }

 private:
  static constexpr std::size_t kLongestRun = 64 * 1024;  // is still in the nearest caches when its CRC is taken
  void append(std::uint64_t offset, const std::byte* data, std::size_t bytes) noexcept;
  void end_run() noexcept;

  std::byte* at_;
  std::byte* run_ = nullptr;  // its SavedRun
  std::uint64_t next_offset_ = 0;
  std::uint32_t crc_ = 0;
};

// The parts of one that may be damaged, or something else altogether.
struct SavedReactor {
  SavedHead head{};
  std::string_view type;  // mangled
  std::span<const std::byte> modules, runs;
};
// All but the runs is checked.
Status read_saved_reactor(std::span<const std::byte> saved, SavedReactor& reactor);

// Takes the next run off the front. False at the end, and where there is none that fits into the slot.
bool next_run(std::span<const std::byte>& runs, std::uint64_t slot_bytes, SavedRun& run, std::span<const std::byte>& data) noexcept;

struct ModuleInSaved {
  std::uint64_t base, bytes;
  std::string_view build_id, path;
};
// Fills in the head and what follows it, of saved.size() bytes in all.
void write_saved_head(std::span<std::byte> saved, SavedHead head, std::string_view type, std::span<const std::byte> modules) noexcept;
constexpr std::size_t saved_head_bytes(std::string_view type, std::span<const std::byte> modules) noexcept {
  return sizeof(SavedHead) + align_up<std::size_t>(type.size(), 8) + modules.size();
}

void append_module(Bytes& modules, const ModuleInSaved& module);
// As next_run().
bool next_module(std::span<const std::byte>& modules, ModuleInSaved& module) noexcept;

}  // namespace afterimage::format
