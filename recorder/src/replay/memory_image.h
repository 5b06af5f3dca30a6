// The reactor's memory in the replayer: snapshots mapped at their addresses, and the way back to one.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "afterimage/status.h"
#include "format/core_file.h"
#include "heap/heap.h"
#include "os/modules.h"
#include "replay/checkpoints.h"
#include "replay/relocator.h"
#include "snapshot/variable_rules.h"

namespace afterimage::replay {

// Where the snapshots in a reactor's directory belong; nothing when there is none that can be read.
os::AddressRange recorded_slot(const std::string& directory);

class MemoryImage {
 public:
  // Finds the snapshots in the reactor's directory. Those that cannot be used are left out; fails when none is left.
  Status open(const std::string& directory);

  // Without a snapshot: a fresh heap at `slot`, or, where that is taken, elsewhere.
  Status begin_empty(std::uintptr_t slot, std::size_t bytes, const HeapSettings& settings);

  std::uint64_t first_position() const noexcept { return snapshots_.empty() ? 0 : snapshots_.front().note().position; }
  // Makes the memory what it was at the newest snapshot or checkpoint at or before `position`, and returns its position.
  Status restore(std::uint64_t position, std::uint64_t& restored);

  // The replay has come here, and stays for now if it `stays`: a restore may return here, too.
  void came_to(std::uint64_t position, bool stays);

  // Which position restore() would restore.
  std::uint64_t nearest(std::uint64_t position) const;

  // The slot as the snapshot at this position has it, mapped somewhere else; null when there is no snapshot here that a replay
  // from earlier events should agree with, or when it is damaged: then `problem` says so. Valid until the next call.
  const Heap* recorded_at(std::uint64_t position, Status& problem);

  // Of all that a restore brings back: the reactor's memory, and the executable's data.
  struct Digests {
    std::uint64_t heap, data;
  };
  Digests digests() const;

  // Whether a replay that arrives at this position from earlier events must take the snapshot here.
  bool is_discontinuity(std::uint64_t position) const noexcept;

  // Whether the log has digests of the state.
  bool has_state_digests() const noexcept { return (snapshots_.front().note().flags & format::kHasStateDigests) != 0; }
  // What the recorder knew to be part of the state: libraries come and go.
  Variables variables_at(std::uint64_t position) const { return variables_of(newest_snapshot(position)); }

  Heap& heap() const noexcept { return *heap_; }
  // If the slot was taken: where the reactor is instead, and what had to be changed for that.
  Relocator& relocator() noexcept { return relocator_; }
  const Relocation& relocation() const noexcept { return relocator_.relocation(); }
  void* object() const noexcept { return reinterpret_cast<void*>(heap_->object()); }
  // The locale that the snapshot restored last should have, if this machine does not have it; else empty.
  const std::string& missing_locale() const noexcept { return missing_locale_; }
  // What the thread should have, with pointers to where the reactor is. False when the bytes are not understood.
  bool restore_thread_state(std::span<const std::byte> bytes);
  // Whether a range is memory that a restore brings back.
  bool covers(std::uintptr_t address, std::size_t bytes) const noexcept;

 private:
  Status reserve_slot();
  void leave_out_other_slots();
  void leave_out_deltas_without_parent();
  const format::CoreFile* parent_of(const format::CoreFile& delta) const;
  const format::CoreFile* snapshot_at(std::uint64_t position) const noexcept;
  const format::CoreFile& newest_snapshot(std::uint64_t position) const;
  const Checkpoints::Checkpoint* checkpoint_after(const format::CoreFile& snapshot, std::uint64_t position) const;
  Status restore_snapshot(const format::CoreFile& snapshot);
  // Both at `place` instead of the slot's own.
  Status map_slot(const format::CoreFile& snapshot, std::uintptr_t place);
  Status map_loads(const format::CoreFile& snapshot, std::uintptr_t place);
  void forget_contents() noexcept;
  std::vector<os::AddressRange> variables_of_any_snapshot() const;
  Variables variables_of(const format::CoreFile& snapshot) const;
  bool is_variables(const format::CoreLoad& load) const;
  Status restore_variables(const format::CoreFile& snapshot);
  Status restore_load(const format::CoreFile& snapshot, const format::CoreLoad& load);
  Status restore_checkpoint(const Checkpoints::Checkpoint& checkpoint, const format::CoreFile& snapshot);

  std::vector<format::CoreFile> snapshots_;  // by position
  const format::CoreFile* mapped_ = nullptr;
  std::uintptr_t view_ = 0;  // of the slot in another snapshot
  const format::CoreFile* viewed_ = nullptr;
  Heap* heap_ = nullptr;
  Relocator relocator_;
  std::size_t slot_bytes_ = 0;
  std::string missing_locale_;
  std::vector<os::Module> modules_;
  std::vector<os::AddressRange> restored_variables_;
  Checkpoints checkpoints_;
};

}  // namespace afterimage::replay
