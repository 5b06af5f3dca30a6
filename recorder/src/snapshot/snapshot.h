// Snapshots of a reactor: all pages of its heap and the executable's data, as they are at one position.
//
// This engine is `stop`: the reactor's thread copies the pages into a staging buffer and goes on; a background thread
// writes the copy to a file. The pause is a memcpy; the file system is never waited for (but see save_now).
#pragma once
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "afterimage/status.h"
#include "format/core_file.h"
#include "heap/heap.h"

namespace afterimage {

// What to write where. `on_written` runs on the background thread when the file is complete, or has failed.
struct SnapshotOrder {
  std::string path;  // final name; written as path + ".tmp"
  format::SnapshotNote note{};
  void (*on_written)(void* context, const SnapshotOrder& order, std::uint64_t file_bytes,
                     const Status& status) noexcept = nullptr;
  void* context = nullptr;
};

class SnapshotWriter {
 public:
  SnapshotWriter();
  ~SnapshotWriter();  // finishes the running one

  // The modules named in every following snapshot.
  void set_modules(std::vector<format::CoreModule> modules);

  // False, at once, while an earlier snapshot is still being written. Call between two events of the reactor that
  // owns `heap`.
  bool try_capture(const Heap& heap, const SnapshotOrder& order);
  // Waits for an earlier one, writes this one on the calling thread (on_written included), and returns its outcome.
  Status save_now(const Heap& heap, const SnapshotOrder& order);
  // Waits until nothing is being written.
  void wait_until_idle();
  void abandon_after_fork() noexcept { abandoned_ = true; }

 private:
  void copy_pages(const Heap& heap);
  bool reserve_staging(std::size_t bytes);
  Status write_file(const SnapshotOrder& order, std::uint64_t& file_bytes);
  Status write_and_tell(const SnapshotOrder& order);
  void run();

  std::mutex mutex_;
  std::condition_variable changed_;
  bool busy_ = false;      // the staging buffer holds pages that are not written yet
  bool stopping_ = false;
  bool abandoned_ = false;
  SnapshotOrder order_;
  std::vector<format::CoreModule> modules_;
  std::vector<std::byte> module_pages_;  // the first page of each
  std::vector<std::byte> auxiliary_vector_;
  std::vector<format::CoreRange> ranges_;  // data points into the staging buffer
  std::byte* staging_ = nullptr;
  std::size_t staging_bytes_ = 0;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace afterimage
