// What every snapshot engine promises: the image equals a copy made while the reactor stood still at one position.
//
//                reactor's thread, between two events      worker thread
//     stop       begin: copies all                         -
//     precopy    begin: says so; finish: the rest          work: copies, until little is left
//     fork       begin: clones the process                 work: waits for the child, which copies
//     cow-*      begin: protects all pages                 work: copies and releases; a write to a page copies it first
//
// The snapshot's position is that of begin(), or that of finish() for an engine that has one. What an engine needs of the
// machine is found out by probe(), in the running process, before it is used.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "heap/heap.h"
#include "snapshot/image.h"

namespace afterimage {

class SnapshotEngine {
 public:
  enum class Progress {
    complete,        // the image is whole
    needs_boundary,  // finish() must be called
    abandoned,       // `cancelled` was set, or there is no memory: the next one may succeed
    failed,          // for good
  };

  virtual ~SnapshotEngine() = default;
  virtual const char* name() const noexcept = 0;
  // Whether the position of a snapshot is that of finish().
  virtual bool finishes_at_boundary() const noexcept { return false; }
  // Whether a system call may write into the heap while a snapshot is made.
  virtual bool survives_kernel_writes() const noexcept { return true; }
  virtual Image::Sharing sharing() const noexcept { return Image::Sharing::this_process; }

  // Prepares the process. 0, or an errno that says why this engine cannot be used here.
  [[nodiscard]] virtual int probe() noexcept { return 0; }

  // 0 or an errno; then nothing is protected or running, and another engine may make this snapshot. `image` is attached to
  // `heap`; both must stay until work() has come to an end and, unless the image was complete then, end() was called.
  [[nodiscard]] virtual int begin(const Heap& heap, Image& image) noexcept = 0;
  virtual Progress work(const std::atomic<bool>& cancelled) noexcept = 0;
  // Only after needs_boundary. False: too much is left for a short pause; work() is to be called again.
  [[nodiscard]] virtual bool finish() noexcept { return true; }
  // After finish(): whether the image has the variables, too, so that they need not be copied now.
  virtual bool has_variables() const noexcept { return false; }
  // On the worker, after a complete image: the pages that may differ from the engine's last image of the same heap, ascending,
  // or null when that is not known.
  virtual const std::vector<PageRange>* changes() { return nullptr; }
  // On the worker, when the snapshot is complete, abandoned or failed: nothing of it stays behind.
  virtual void end() noexcept {}
  // In the child of a fork() of the program: makes its memory usable.
  virtual void abandon_after_fork() noexcept {}
};

// The reactor's thread copies everything: the shortest total, the longest pause. Works everywhere.
class AFTERIMAGE_API StopEngine : public SnapshotEngine {
 public:
  const char* name() const noexcept override { return "stop"; }
  int begin(const Heap& heap, Image& image) noexcept override;
  Progress work(const std::atomic<bool>&) noexcept override { return Progress::complete; }
};

struct EngineChoice {
  std::unique_ptr<SnapshotEngine> engine;
  std::string note;  // why it is not the one asked for; empty if it is
};

// `wanted`: a name, or "auto". `kernel_writes`: whether system calls may write into the heap. `incremental`: remember from one
// snapshot to the next which pages are written (precopy only).
AFTERIMAGE_API EngineChoice choose_engine(std::string_view wanted, bool kernel_writes, bool incremental = false);

}  // namespace afterimage
