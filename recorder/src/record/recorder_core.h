// One recording: its directory, and what all its reactors share.
#pragma once
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "afterimage/recorder.h"
#include "heap/settings.h"
#include "record/control_file.h"
#include "record/core_notebook.h"
#include "record/manifest.h"
#include "record/retention.h"
#include "record/segments.h"
#include "snapshot/snapshot.h"
#include "snapshot/variable_rules.h"

namespace afterimage::detail {

using OwnedHeap = std::unique_ptr<Heap, void (*)(Heap*) noexcept>;

class RecorderCore : public std::enable_shared_from_this<RecorderCore> {
 public:
  explicit RecorderCore(Options options);
  ~RecorderCore();

  // Creates the bundle. On failure nothing is recorded, and report() has been called.
  void open() noexcept;
  // The reactor that owns the slot `id`; null heap and no log when it cannot be recorded.
  ReactorCore* create_reactor(std::string_view name, const std::type_info& type);
  // The same for one whose heap there is already.
  ReactorCore* adopt_reactor(std::string_view name, const std::type_info& type, OwnedHeap heap);
  void forget_reactor(ReactorCore& reactor);
  // Nothing more is written about it. Its place in the recording is given to another one later on.
  void reactor_ended(std::uint32_t id) noexcept;
  // There is nothing about it: its place is the next one's.
  void reactor_never_was(std::uint32_t id) noexcept;

  // Notes why something is not recorded: the first reason is printed, kept for status(), and put into the recording.
  void report(const Status& status) noexcept;
  void report_recovery() noexcept;
  Status status() const;
  bool is_open() const noexcept { return open_; }
  bool may_have_heaps() const noexcept { return may_have_heaps_; }

  const Options& options() const noexcept { return options_; }
  HeapSettings heap_settings() const noexcept;
  // Of what is kept of each reactor.
  Bounds bounds() const noexcept;
  const std::string& path() const noexcept { return path_; }
  const std::string& uuid() const noexcept { return process_.uuid; }
  ControlFile& control() noexcept { return control_; }
  CoreNotebook& core_notebook() noexcept { return core_notebook_; }
  SegmentKeeper& segments() noexcept { return *segments_; }
  SnapshotWriter& snapshots() noexcept { return *snapshots_; }
  // Whether the recording shall outlive a power failure, but for the last moments.
  bool syncs() const noexcept { return options_.sync_interval_ms != 0; }
  // One that is there already is as good.
  Status make_directory(const std::string& path) const;
  // Brings the module list of the manifest and of the snapshots up to date.
  void refresh_modules();
  // Where variables are that belong to the state; all that was known at the last refresh.
  Variables variables() const;
  // Around a fork(): the child would find the mutex locked for ever.
  void hold() noexcept { mutex_.lock(); }
  void release() noexcept { mutex_.unlock(); }
  // The child of a fork() shares the files with its parent and must not write.
  void abandon_after_fork() noexcept;

 private:
  Status begin();
  Status start_threads(std::unique_ptr<SnapshotEngine> engine);
  Status create_bundle();
  Heap* create_heap(int& error) const noexcept;
  std::unique_ptr<ReactorCore> make_reactor(std::string_view name, const std::type_info& type, Heap* heap);
  Place take_place();
  std::uint32_t forget_ended() noexcept;
  void remove_recording_of(std::uint32_t id);
  bool must_make_room() const noexcept;

  const Options options_;
  std::string path_;
  bool open_ = false;
  bool may_have_heaps_ = true;
  ProcessDescription process_;
  const VariableRules variable_rules_;
  ControlFile control_;
  CoreNotebook core_notebook_;
  std::unique_ptr<SegmentKeeper> segments_;
  std::unique_ptr<SnapshotWriter> snapshots_;
  mutable std::mutex mutex_;  // of all below
  std::uint64_t modules_generation_ = ~std::uint64_t{0};
  Variables variables_;
  Status status_;
  std::uint32_t reactor_count_ = 0;
  std::vector<std::uint32_t> unused_;  // of the numbers below
  std::deque<std::uint32_t> ended_;  // those whose recording is still there, the oldest first
  std::vector<ReactorCore*> reactors_;
};

}  // namespace afterimage::detail
