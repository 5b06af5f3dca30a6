// Snapshots on disk: ELF core files (FORMAT.md §5), written whole and opened by mapping; or the same, compressed.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "afterimage/status.h"
#include "base/file_descriptor.h"
#include "format/zstd_frames.h"

namespace afterimage::format {

// The desc of the note AFTRIMG/2.
struct SnapshotNote {
  std::uint32_t version;
  std::uint32_t reactor;
  std::uint64_t position;
  std::uint64_t parent;  // equal to position when full
  std::uint32_t kind;   // SnapshotKind
  std::uint32_t flags;  // SnapshotFlags
  std::uint64_t allocation_fingerprint;
  std::uint64_t object;
  std::uint64_t slot_base;
  std::uint64_t slot_bytes;
};
static_assert(sizeof(SnapshotNote) == 64);
inline constexpr std::uint32_t kSnapshotNoteType = 2, kThreadNoteType = 3, kLocaleNoteType = 4;

enum SnapshotKind : std::uint32_t {
  kFull = 1,
  kDelta = 2,  // only what differs from the snapshot at `parent`
};

enum SnapshotFlags : std::uint32_t {
  // Something other than an event has changed the reactor before this position: events before it do not lead here, and a
  // replay that comes from there has to go on from this snapshot.
  kDiscontinuity = 1,
  kHasStateDigests = 2,  // the log has a digest of the state after each event, and react() was run on a cleared stack
};

struct CoreModule {
  std::uintptr_t base;
  std::size_t bytes;
  std::string path;
};

// A range of memory as it was: `data` is where its content is now.
struct CoreRange {
  std::uintptr_t address;
  std::size_t bytes;
  std::uint32_t flags;  // PF_R, PF_W, PF_X
  const std::byte* data;
};

// Everything in a core file that is not memory.
struct CoreNotes {
  const SnapshotNote& snapshot;
  std::span<const std::byte> thread_state;
  std::string_view locale;
  std::span<const std::byte> auxiliary_vector;
  std::span<const CoreModule> modules;
};

// Writes the file through `descriptor` (empty, open for writing). Ranges are page-aligned and ascend. Returns 0 or an errno.
int write_core(int descriptor, const CoreNotes& notes, std::span<const CoreRange> ranges);
// `level`: of zstd.
int write_compressed_core(int descriptor, int level, const CoreNotes& notes, std::span<const CoreRange> ranges);

struct CoreLoad {
  std::uintptr_t address;
  std::size_t bytes;
  std::uint32_t flags;
  std::uint64_t file_offset;
};

// An opened snapshot. Only headers are read; every size is checked against the file's.
class CoreFile {
 public:
  Status open(const std::string& path);
  // Before the loads of one that may be compressed are read or mapped: decompresses it into memory, as a whole.
  Status bring_content() const;
  // Gives the memory back. What was mapped loses its pages, too.
  void forget_content() const noexcept;
  const SnapshotNote& note() const noexcept { return note_; }
  std::span<const CoreLoad> loads() const noexcept { return loads_; }
  // Of the thread that ran the reactor, and the locale; empty in recordings that do not tell.
  std::span<const std::byte> thread_state() const noexcept { return thread_state_; }
  const std::string& locale() const noexcept { return locale_; }
  // Where the loads' offsets lead.
  int descriptor() const noexcept { return content_.valid() ? content_.get() : file_.get(); }
  const std::string& path() const noexcept { return path_; }

 private:
  Status open_frames(std::uint64_t file_bytes);
  Status damaged(const std::string& problem) const;
  Status read_headers(std::uint64_t file_bytes);
  Status read_notes(std::uint64_t offset, std::uint64_t bytes);
  void take_note(std::uint32_t type, std::span<const std::byte> desc);

  std::string path_;
  FileDescriptor file_;
  ZstdFrameReader frames_;
  FileDescriptor content_;  // of one that is compressed
  mutable bool has_content_ = false;
  SnapshotNote note_{};
  std::vector<std::byte> thread_state_;
  std::string locale_;
  std::vector<CoreLoad> loads_;
};

}  // namespace afterimage::format
