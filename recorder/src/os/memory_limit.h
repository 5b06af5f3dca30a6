// How much memory this process may still use before a limit of its cgroup ends it (versions 1 and 2 of the kernel's interface), or the
// machine has no more.
//
// What is written to files counts against the limit, too, but can be dropped again; a copy of a heap, and a file in memory (tmpfs), cannot.
// When nothing is left to drop the kernel ends a process, and the largest one is the program that we are a guest of.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace afterimage::os {

class MemoryLimit {
 public:
  static constexpr std::uint64_t kNone = UINT64_MAX;

  // Finds the cgroup that the process is in now, and those around it.
  MemoryLimit();

  // Bytes below the nearest limit, counting what the kernel would drop. Others use up the same memory: a guess. Reads some small files
  // (50 us), and needs no memory.
  std::uint64_t room() const noexcept;
  // Whether as much can be used, and a little is left.
  bool has_room_for(std::uint64_t bytes) const noexcept;

 private:
  struct Group {
    std::string limit, usage, statistics;  // files
  };
  void add_group(const std::string& directory);
  static std::uint64_t room_in(const Group& group) noexcept;

  bool is_version_1_ = false;
  std::vector<Group> groups_;  // the innermost first
};

// What of this process is in memory.
std::uint64_t resident_bytes() noexcept;

// Whether the file's pages are memory that cannot be dropped.
bool is_in_memory(int descriptor) noexcept;

}  // namespace afterimage::os
