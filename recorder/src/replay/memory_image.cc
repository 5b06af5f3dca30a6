#include "replay/memory_image.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "base/hex.h"
#include "os/locale.h"
#include "os/modules.h"
#include "replay/state_digest.h"
#include "snapshot/thread_state.h"

namespace afterimage::replay {
namespace {

bool inside(std::uintptr_t address, std::size_t bytes, std::uintptr_t base, std::size_t size) {
  return address >= base && bytes <= size && address - base <= size - bytes;
}

std::uint64_t position_of(const format::CoreFile& snapshot) { return snapshot.note().position; }

bool is_within(const format::CoreLoad& load, const os::AddressRange& range) {
  constexpr std::uint32_t kWritable = 2;
  return (load.flags & kWritable) != 0 && inside(load.address, load.bytes, range.address, range.bytes);
}

std::vector<std::string> snapshots_in(const std::string& directory, std::error_code& error) {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    const std::string name = entry.path().filename().string();
    // Where both are, the one that is not compressed was written later.
    const bool is_older = name.ends_with(".core.zst") && std::filesystem::exists(entry.path().parent_path() / entry.path().stem());
    if (name.starts_with("snap-") && (name.ends_with(".core") || name.ends_with(".core.zst")) && !is_older)
      paths.push_back(entry.path().string());
  }
  return paths;
}

}  // namespace

os::AddressRange recorded_slot(const std::string& directory) {
  std::error_code error;
  for (const std::string& path : snapshots_in(directory, error)) {
    format::CoreFile snapshot;
    if (snapshot.open(path).ok()) return {snapshot.note().slot_base, snapshot.note().slot_bytes};
  }
  return {};
}

Status MemoryImage::open(const std::string& directory) {
  std::error_code error;
  const std::vector<std::string> paths = snapshots_in(directory, error);
  if (error) return Status(error.value(), directory + " cannot be read: " + error.message() + ".");
  Status unusable;
  for (const std::string& path : paths) {
    format::CoreFile snapshot;
    if (Status status = snapshot.open(path); status.ok()) snapshots_.push_back(std::move(snapshot));
    else unusable = status;
  }
  if (snapshots_.empty())
    return unusable.ok() ? Status(0, directory + " holds no snapshot: there is no state to begin a replay with.") : unusable;
  std::ranges::sort(snapshots_, {}, position_of);
  leave_out_other_slots();
  leave_out_deltas_without_parent();
  if (snapshots_.empty()) return Status(0, directory + " holds deltas, but not the full snapshot that they build on.");

  if (Status status = reserve_slot(); !status) return status;
  modules_ = os::loaded_modules();
  restored_variables_ = variables_of_any_snapshot();
  std::vector<os::AddressRange> restored = restored_variables_;
  restored.push_back({heap_->base(), slot_bytes_});
  checkpoints_.open(restored);
  return {};
}

// Where it was recorded, or elsewhere.
Status MemoryImage::reserve_slot() {
  const format::SnapshotNote& note = snapshots_.front().note();
  int problem = 0;
  slot_bytes_ = note.slot_bytes;
  heap_ = Heap::reserve_at(note.slot_base, note.slot_bytes, problem);
  if (problem == EEXIST) heap_ = relocator_.move_out_of(note.slot_base, note.slot_bytes, problem);
  if (heap_ != nullptr) return {};
  return Status(problem, "the reactor's slot at " + hex(note.slot_base) + " is not available in this process: " +
                             std::strerror(problem) + ".");
}

Status MemoryImage::begin_empty(std::uintptr_t slot, std::size_t bytes, const HeapSettings& settings) {
  int problem = 0;
  heap_ = Heap::create_at(slot, bytes, problem);
  if (heap_ == nullptr) heap_ = Heap::create(SlotSize::large, problem);
  if (heap_ == nullptr) return Status(problem, std::string("there is no room for a heap: ") + std::strerror(problem) + ".");
  heap_->set_up(settings);
  slot_bytes_ = heap_->slot_bytes();
  modules_ = os::loaded_modules();
  restored_variables_ = modules_.front().variables;
  return {};
}

Status MemoryImage::restore(std::uint64_t position, std::uint64_t& restored) {
  if (snapshots_.empty()) return Status(0, "there is no snapshot to go back to: this replay began with the construction.");
  const format::CoreFile& snapshot = newest_snapshot(position);
  restored = nearest(position);
  if (restored == position_of(snapshot)) return restore_snapshot(snapshot);
  return restore_checkpoint(*checkpoint_after(snapshot, position), snapshot);
}

std::uint64_t MemoryImage::nearest(std::uint64_t position) const {
  const format::CoreFile& snapshot = newest_snapshot(position);
  const auto* const checkpoint = checkpoint_after(snapshot, position);
  return checkpoint != nullptr ? checkpoint->position : position_of(snapshot);
}

// The newest at or before the position, if it is one on top of the snapshot.
const Checkpoints::Checkpoint* MemoryImage::checkpoint_after(const format::CoreFile& snapshot, std::uint64_t position) const {
  const auto* const checkpoint = checkpoints_.before(position);
  return checkpoint != nullptr && checkpoint->base == &snapshot ? checkpoint : nullptr;
}

const format::CoreFile& MemoryImage::newest_snapshot(std::uint64_t position) const {
  const auto later = std::ranges::upper_bound(snapshots_, position, {}, position_of);
  return later == snapshots_.begin() ? snapshots_.front() : *(later - 1);
}

Status MemoryImage::restore_snapshot(const format::CoreFile& snapshot) {
  // The pages are private copies of the file's: dropping them brings the file's back, and zeroes where there are none.
  if (&snapshot == mapped_) {
    if (madvise(heap_, heap_->slot_bytes(), MADV_DONTNEED) != 0)
      return Status(errno, std::string("the heap's pages cannot be dropped: ") + std::strerror(errno) + ".");
  } else if (Status status = map_slot(snapshot, heap_->base()); !status) {
    return status;
  }
  mapped_ = &snapshot;
  forget_contents();
  if (!heap_->is_valid())
    return Status(0, "snapshot " + snapshot.path() + " does not hold a heap that this library understands.");
  if (relocator_) relocator_.relocate_heap(*heap_);
  if (Status status = restore_variables(snapshot); !status) return status;
  checkpoints_.memory_replaced(mapped_, ThreadState::modules_in(snapshot.thread_state()));
  return {};
}

Status MemoryImage::restore_checkpoint(const Checkpoints::Checkpoint& checkpoint, const format::CoreFile& snapshot) {
  if (&snapshot != mapped_)
    if (Status status = restore_snapshot(snapshot); !status) return status;
  char** const environment = environ;
  const bool restored = checkpoints_.restore(checkpoint);
  environ = environment;
  ThreadState::restore(checkpoint.thread_state);
  (void)os::set_locale(checkpoint.locale);
  return restored ? Status() : Status(errno, std::string("an earlier position cannot be restored: ") + std::strerror(errno) + ".");
}

// From another snapshot nobody would come back: beyond the next one that is the shorter way, and has what the program did to its
// data outside of react().
void MemoryImage::came_to(std::uint64_t position, bool stays) {
  if (mapped_ != &newest_snapshot(position)) return;
  if (stays) checkpoints_.arrive(position);
  else checkpoints_.pass(position);
}

MemoryImage::Digests MemoryImage::digests() const {
  std::vector<os::AddressRange> heap;
  heap_->used_ranges([&](std::uintptr_t address, std::size_t bytes) { heap.push_back({address, bytes}); });
  return {.heap = state_digest(heap, relocation()), .data = state_digest(restored_variables_, relocation())};
}

const format::CoreFile* MemoryImage::snapshot_at(std::uint64_t position) const noexcept {
  const auto at = std::ranges::lower_bound(snapshots_, position, {}, position_of);
  return at != snapshots_.end() && position_of(*at) == position ? &*at : nullptr;
}

bool MemoryImage::is_discontinuity(std::uint64_t position) const noexcept {
  const format::CoreFile* const snapshot = snapshot_at(position);
  return snapshot != nullptr && snapshot != mapped_ && (snapshot->note().flags & format::kDiscontinuity) != 0;
}

const Heap* MemoryImage::recorded_at(std::uint64_t position, Status& problem) {
  const format::CoreFile* const snapshot = snapshot_at(position);
  if (snapshot == nullptr || snapshot == mapped_ || is_discontinuity(position)) return nullptr;
  if (view_ == 0) {
    constexpr int kReserved = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    void* const place = mmap(nullptr, slot_bytes_, PROT_NONE, kReserved, -1, 0);
    if (place == MAP_FAILED) return nullptr;
    view_ = reinterpret_cast<std::uintptr_t>(place);
  }
  viewed_ = snapshot;
  problem = map_slot(*snapshot, view_);
  forget_contents();
  return problem.ok() ? reinterpret_cast<const Heap*>(view_) : nullptr;
}

Status MemoryImage::map_slot(const format::CoreFile& snapshot, std::uintptr_t place) {
  void* const slot = mmap(reinterpret_cast<void*>(place), snapshot.note().slot_bytes, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
  if (slot == MAP_FAILED) return Status(errno, std::string("the slot cannot be cleared: ") + std::strerror(errno) + ".");
  std::vector<const format::CoreFile*> chain;  // down to the full one
  for (const format::CoreFile* file = &snapshot; file != nullptr; file = parent_of(*file)) chain.push_back(file);
  for (auto file = chain.rbegin(); file != chain.rend(); ++file)
    if (Status status = map_loads(**file, place); !status) return status;
  return {};
}

// Null for a full snapshot.
const format::CoreFile* MemoryImage::parent_of(const format::CoreFile& delta) const {
  if (delta.note().kind != format::kDelta) return nullptr;
  for (const format::CoreFile& candidate : snapshots_)
    if (candidate.note().position == delta.note().parent && delta.note().parent < delta.note().position) return &candidate;
  return nullptr;
}

// They would be mapped over whatever lies there.
void MemoryImage::leave_out_other_slots() {
  const format::SnapshotNote first = snapshots_.front().note();
  std::erase_if(snapshots_, [&](const format::CoreFile& snapshot) {
    return snapshot.note().slot_base != first.slot_base || snapshot.note().slot_bytes != first.slot_bytes;
  });
}

void MemoryImage::leave_out_deltas_without_parent() {
  std::vector<format::CoreFile> usable;
  snapshots_.swap(usable);
  for (format::CoreFile& snapshot : usable) {  // parents come first
    if (snapshot.note().kind != format::kDelta || parent_of(snapshot) != nullptr) snapshots_.push_back(std::move(snapshot));
  }
}

// Of those that are mapped nowhere. Decompressed they are as large as the reactor was.
void MemoryImage::forget_contents() noexcept {
  const auto builds_on = [&](const format::CoreFile* top, const format::CoreFile& snapshot) {
    for (; top != nullptr; top = parent_of(*top))
      if (top == &snapshot) return true;
    return false;
  };
  for (const format::CoreFile& snapshot : snapshots_)
    if (!builds_on(mapped_, snapshot) && !builds_on(viewed_, snapshot)) snapshot.forget_content();
}

Status MemoryImage::map_loads(const format::CoreFile& snapshot, std::uintptr_t place) {
  if (Status status = snapshot.bring_content(); !status) return status;
  const format::SnapshotNote& note = snapshot.note();
  for (const format::CoreLoad& load : snapshot.loads()) {
    if (!inside(load.address, load.bytes, note.slot_base, note.slot_bytes)) continue;
    void* const pages = mmap(reinterpret_cast<void*>(place + (load.address - note.slot_base)), load.bytes, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_FIXED, snapshot.descriptor(), static_cast<off_t>(load.file_offset));
    if (pages == MAP_FAILED)
      return Status(errno, "snapshot " + snapshot.path() + " cannot be mapped at " + hex(load.address) + ": " +
                               std::strerror(errno) + ".");
  }
  return {};
}

Variables MemoryImage::variables_of(const format::CoreFile& snapshot) const {
  Variables variables{.ranges = {}, .compared = {}, .modules = ThreadState::modules_in(snapshot.thread_state())};
  for (const os::Module& module : modules_)
    for (const os::AddressRange& range : module.variables)
      if (std::ranges::any_of(snapshot.loads(), [&](const format::CoreLoad& load) { return is_within(load, range); }))
        variables.add(module, range);
  return variables;
}

std::vector<os::AddressRange> MemoryImage::variables_of_any_snapshot() const {
  std::vector<os::AddressRange> ranges;
  const auto is_known = [&](const os::AddressRange& range) {
    return std::ranges::any_of(ranges, [&](const os::AddressRange& known) { return known.address == range.address; });
  };
  for (const format::CoreFile& snapshot : snapshots_)
    for (const os::AddressRange& range : variables_of(snapshot).ranges)
      if (!is_known(range)) ranges.push_back(range);
  std::ranges::sort(ranges, {}, &os::AddressRange::address);
  return ranges;
}

// Which modules' it has was decided when recording.
bool MemoryImage::is_variables(const format::CoreLoad& load) const {
  return std::ranges::any_of(modules_, [&](const os::Module& module) {
    return std::ranges::any_of(module.variables, [&](const os::AddressRange& range) { return is_within(load, range); });
  });
}

Status MemoryImage::restore_variables(const format::CoreFile& snapshot) {
  // It may have been moved into the executable's .bss by a copy relocation, and points to this process's own stack.
  char** const environment = environ;
  Status status;
  for (const format::CoreLoad& load : snapshot.loads())
    if (status.ok() && is_variables(load)) status = restore_load(snapshot, load);
  environ = environment;
  if (!status.ok()) return status;
  if (!snapshot.thread_state().empty() && !restore_thread_state(snapshot.thread_state()))
    return Status(0, "snapshot " + snapshot.path() + " has thread-local variables in a form that this library does not understand.");
  missing_locale_ = os::set_locale(snapshot.locale()) ? "" : snapshot.locale();
  return {};
}

Status MemoryImage::restore_load(const format::CoreFile& snapshot, const format::CoreLoad& load) {
  for (std::size_t done = 0; done < load.bytes;) {
    const ssize_t got = pread(snapshot.descriptor(), reinterpret_cast<void*>(load.address + done), load.bytes - done,
                              static_cast<off_t>(load.file_offset + done));
    if (got <= 0) return Status(errno, "snapshot " + snapshot.path() + " cannot be read.");
    done += static_cast<std::size_t>(got);
  }
  if (relocator_) relocator_.relocate_variables(load.address, load.bytes);
  return {};
}

bool MemoryImage::restore_thread_state(std::span<const std::byte> bytes) {
  return ThreadState::restore(relocator_ ? relocator_.relocated_thread_state(bytes) : std::vector(bytes.begin(), bytes.end()));
}

bool MemoryImage::covers(std::uintptr_t address, std::size_t bytes) const noexcept {
  return inside(address, bytes, heap_->base(), slot_bytes_) ||
         std::ranges::any_of(restored_variables_, [&](const os::AddressRange& range) {
           return inside(address, bytes, range.address, range.bytes);
         });
}

}  // namespace afterimage::replay
