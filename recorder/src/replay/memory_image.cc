#include "replay/memory_image.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "base/hex.h"
#include "os/modules.h"

namespace afterimage::replay {
namespace {

bool inside(std::uintptr_t address, std::size_t bytes, std::uintptr_t base, std::size_t size) {
  return address >= base && bytes <= size && address - base <= size - bytes;
}

}  // namespace

Status MemoryImage::open(const std::string& directory) {
  std::vector<std::string> paths;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("snap-") && name.ends_with(".core")) paths.push_back(entry.path().string());
  }
  if (error) return Status(error.value(), directory + " cannot be read: " + error.message() + ".");
  Status unusable;
  for (const std::string& path : paths) {
    format::CoreFile snapshot;
    if (Status status = snapshot.open(path); status.ok()) snapshots_.push_back(std::move(snapshot));
    else unusable = status;
  }
  if (snapshots_.empty())
    return unusable.ok() ? Status(0, directory + " holds no snapshot: there is no state to begin a replay with.") : unusable;
  std::ranges::sort(snapshots_, {}, [](const format::CoreFile& snapshot) { return snapshot.note().position; });
  leave_out_deltas_without_parent();
  if (snapshots_.empty()) return Status(0, directory + " holds deltas, but not the full snapshot that they build on.");

  const format::SnapshotNote& note = snapshots_.front().note();
  int problem = 0;
  heap_ = Heap::reserve_at(note.slot_base, note.slot_bytes, problem);
  if (heap_ == nullptr)
    return Status(problem, "the reactor's slot at " + hex(note.slot_base) + " is not available in this process: " +
                               std::strerror(problem) + ".");
  slot_bytes_ = note.slot_bytes;
  executable_data_ = os::executable_data();
  return {};
}

Status MemoryImage::restore(std::uint64_t position, std::uint64_t& restored) {
  const format::CoreFile* snapshot = &snapshots_.front();
  for (const format::CoreFile& candidate : snapshots_)
    if (candidate.note().position <= position) snapshot = &candidate;
  restored = snapshot->note().position;

  // The pages are private copies of the file's: dropping them brings the file's back, and zeroes where there are none.
  if (snapshot == mapped_) {
    if (madvise(heap_, heap_->slot_bytes(), MADV_DONTNEED) != 0)
      return Status(errno, std::string("the heap's pages cannot be dropped: ") + std::strerror(errno) + ".");
  } else if (Status status = map_slot(*snapshot); !status) {
    return status;
  }
  mapped_ = snapshot;
  if (!heap_->is_valid())
    return Status(0, "snapshot " + snapshot->path() + " does not hold a heap that this library understands.");
  return restore_executable_data(*snapshot);
}

bool MemoryImage::is_discontinuity(std::uint64_t position) const noexcept {
  const auto at = std::ranges::lower_bound(snapshots_, position, {},
                                           [](const format::CoreFile& snapshot) { return snapshot.note().position; });
  return at != snapshots_.end() && at->note().position == position && &*at != mapped_ &&
         (at->note().flags & format::kDiscontinuity) != 0;
}

Status MemoryImage::map_slot(const format::CoreFile& snapshot) {
  const std::uintptr_t base = snapshot.note().slot_base;
  const std::size_t bytes = snapshot.note().slot_bytes;
  void* const slot = mmap(reinterpret_cast<void*>(base), bytes, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
  if (slot == MAP_FAILED) return Status(errno, std::string("the slot cannot be cleared: ") + std::strerror(errno) + ".");
  std::vector<const format::CoreFile*> chain;  // down to the full one
  for (const format::CoreFile* file = &snapshot; file != nullptr; file = parent_of(*file)) chain.push_back(file);
  for (auto file = chain.rbegin(); file != chain.rend(); ++file)
    if (Status status = map_loads(**file); !status) return status;
  return {};
}

// Null for a full snapshot.
const format::CoreFile* MemoryImage::parent_of(const format::CoreFile& delta) const {
  if (delta.note().kind != format::kDelta) return nullptr;
  for (const format::CoreFile& candidate : snapshots_)
    if (candidate.note().position == delta.note().parent && delta.note().parent < delta.note().position) return &candidate;
  return nullptr;
}

void MemoryImage::leave_out_deltas_without_parent() {
  std::vector<format::CoreFile> usable;
  snapshots_.swap(usable);
  for (format::CoreFile& snapshot : usable) {  // parents come first
    if (snapshot.note().kind != format::kDelta || parent_of(snapshot) != nullptr) snapshots_.push_back(std::move(snapshot));
  }
}

Status MemoryImage::map_loads(const format::CoreFile& snapshot) {
  for (const format::CoreLoad& load : snapshot.loads()) {
    if (!inside(load.address, load.bytes, snapshot.note().slot_base, snapshot.note().slot_bytes)) continue;
    void* const pages = mmap(reinterpret_cast<void*>(load.address), load.bytes, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_FIXED, snapshot.descriptor(), static_cast<off_t>(load.file_offset));
    if (pages == MAP_FAILED)
      return Status(errno, "snapshot " + snapshot.path() + " cannot be mapped at " + hex(load.address) + ": " +
                               std::strerror(errno) + ".");
  }
  return {};
}

Status MemoryImage::restore_executable_data(const format::CoreFile& snapshot) {
  const os::AddressRange& data = executable_data_;
  // It may have been moved into the executable's .bss by a copy relocation, and points to this process's own stack.
  char** const environment = environ;
  for (const format::CoreLoad& load : snapshot.loads()) {
    if ((load.flags & 2) == 0 || !inside(load.address, load.bytes, data.address, data.bytes)) continue;
    std::size_t done = 0;
    while (done < load.bytes) {
      const ssize_t got = pread(snapshot.descriptor(), reinterpret_cast<void*>(load.address + done), load.bytes - done,
                                static_cast<off_t>(load.file_offset + done));
      if (got <= 0) return Status(errno, "snapshot " + snapshot.path() + " cannot be read.");
      done += static_cast<std::size_t>(got);
    }
  }
  environ = environment;
  return {};
}

bool MemoryImage::covers(std::uintptr_t address, std::size_t bytes) const noexcept {
  return inside(address, bytes, heap_->base(), slot_bytes_) ||
         inside(address, bytes, executable_data_.address, executable_data_.bytes);
}

}  // namespace afterimage::replay
