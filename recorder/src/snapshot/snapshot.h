// Takes snapshots of reactors' heaps and writes them to files: ELF cores, FORMAT.md §5.
//
// One snapshot at a time, in three steps of which only the first ones touch the reactor's thread:
//
//     idle --begin()--> working --(worker)--> ready --finish()--> writing --(worker)--> idle
//                          '---- engines that need no finish() ------^
//
// The reactor's thread never waits here for a file, except in save_now().
#pragma once
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "afterimage/status.h"
#include "format/core_file.h"
#include "heap/heap.h"
#include "os/memory_limit.h"
#include "os/modules.h"
#include "snapshot/engine.h"
#include "snapshot/image.h"

namespace afterimage {

class RawLine;

// What to write where. `on_written` runs on the background thread when the file is complete, or has failed.
struct SnapshotOrder {
  std::string path;  // final name, but for ".zst" behind it; written as path + ".tmp"
  format::SnapshotNote note{};
  std::vector<std::byte> thread_state;
  std::string locale;
  void (*on_written)(void* context, const SnapshotOrder& order, std::uint64_t file_bytes,
                     const Status& status) noexcept = nullptr;
  void* context = nullptr;
  bool sync = false;     // to the disk, before it has its name
  bool at_once = false;  // stop for it, because it could not be completed otherwise
};

// Exported for the tests and the bench, which use it directly.
class AFTERIMAGE_API SnapshotWriter {
 public:
  enum class Begun {
    no,        // another one is on its way: try again after the next event
    begun,     // its position will be that of finish()
    captured,  // its position is that of the order
    no_room,   // a copy would come too near to the memory limit (of a cgroup), or there are no addresses for it: save_now() needs none
  };

  // `compression`: the level of zstd for what the background thread writes; 0: none.
  explicit SnapshotWriter(std::unique_ptr<SnapshotEngine> engine, int compression = 0);
  ~SnapshotWriter();  // finishes the running one

  // The modules named in every following snapshot, and the variables saved with it.
  void set_modules(std::vector<format::CoreModule> modules, std::vector<os::AddressRange> variables);

  // Both are for the thread of the reactor that owns `heap`, between two of its events, and return quickly.
  Begun begin(const Heap& heap, SnapshotOrder order);
  // When is_ready(heap). False: it goes on, and will be ready again.
  bool finish(const Heap& heap, SnapshotOrder order);

  // For after every event: each is one load.
  bool is_busy() const noexcept { return state_.load(std::memory_order_relaxed) != State::idle; }
  bool is_ready(const Heap& heap) const noexcept { return ready_.load(std::memory_order_relaxed) == &heap; }
  // For who finds it busy: a snapshot of a reactor that gets no events will make room.
  void ask_for_turn(const Heap& heap) noexcept {
    if (!others_wait_.load(std::memory_order_relaxed) && heap_.load(std::memory_order_relaxed) != &heap) others_wait_ = true;
  }

  // Writes the heap as it is on the calling thread (on_written included), and returns the outcome.
  Status save_now(const Heap& heap, const SnapshotOrder& order);
  // Returns when nothing works on this heap any more. A snapshot that still needs a boundary is given up.
  void let_go(const Heap& heap);
  // In the child of a fork(), which must leave this object as it is: its thread does not exist.
  void abandon_after_fork() noexcept;

  const SnapshotEngine& engine() const noexcept { return *engine_; }

 private:
  enum class State { idle, working, ready, writing };
  struct Modules {
    std::vector<format::CoreModule> list;
    std::vector<std::byte> first_pages;
    std::vector<VariablePages> variables;
    std::vector<std::byte> variable_bytes;  // as they were at the instant of the last snapshot

    void copy_variables() const noexcept;
    void list_variables(std::vector<format::CoreRange>& ranges) const;
  };

  bool has_room() noexcept;
  void say_once(RawLine& line) noexcept;
  void capture(SnapshotOrder&& order, bool has_variables) noexcept;
  Begun begin_with(SnapshotEngine& engine, const Heap& heap, SnapshotOrder&& order);
  void run();
  void work(std::unique_lock<std::mutex>& lock);
  void wait_for_boundary(std::unique_lock<std::mutex>& lock);
  void conclude();
  void write_image() noexcept;
  Status write_image(bool& delta);
  bool write_as_delta(std::vector<format::CoreRange>& ranges);
  Status write_and_tell(const SnapshotOrder& order, std::vector<format::CoreRange> ranges, int compression);
  Status write_file(const SnapshotOrder& order, std::vector<format::CoreRange> ranges, int compression, std::uint64_t& file_bytes);
  void set_state(State state) noexcept { state_.store(state, std::memory_order_relaxed); }

  std::mutex mutex_;  // of all below
  std::condition_variable changed_;
  std::atomic<State> state_ = State::idle;
  std::atomic<const Heap*> ready_ = nullptr;
  std::atomic<bool> cancelled_ = false;
  std::atomic<bool> others_wait_ = false;  // another reactor would like to begin
  bool stopping_ = false;
  const std::unique_ptr<SnapshotEngine> engine_;
  const int compression_;
  StopEngine stop_;
  SnapshotEngine* current_ = nullptr;  // of the snapshot on its way
  bool engine_failed_ = false;
  const os::MemoryLimit memory_limit_;
  bool said_why_it_waits_ = false;
  std::atomic<const Heap*> heap_ = nullptr;  // of the snapshot on its way
  SnapshotOrder order_;
  Image image_;
  struct {  // of the next delta: the last image that was written, if its engine knows the changes since
    bool valid = false;
    std::uint32_t reactor = 0;
    std::uint64_t position = 0;
    int deltas = 0;  // from the full one to this
  } parent_;
  std::shared_ptr<Modules> modules_;
  std::shared_ptr<const Modules> begun_with_;  // whose variables the image has
  std::shared_ptr<const Modules> captured_;  // those of the snapshot on its way
  const std::vector<std::byte> auxiliary_vector_;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace afterimage
