// How the main thread's TLS block (thread-local variables, and what pthread_self() points to) gets its recorded address.
//
// It is part of one of ld.so's anonymous mappings. Which one shows only when ld.so sets the thread pointer, too late to
// move anything; so one launch finds out and the next one places that mapping.
//
// Where the block is inside its page depends on what ld.so has allocated before: paths of libraries, the parts of
// LD_LIBRARY_PATH. On another machine, or under a debug adapter, these have other lengths. A directory that does not exist,
// appended to LD_LIBRARY_PATH, makes up for the difference: ld.so allocates its name. As a chunk of ld.so's heap may end
// in between, that takes a few rounds, too.
//
//     launch 1: thread pointer at 0x...b80, recorded 0x...740  -> padding of (0x740 - 0xb80) mod 4096 bytes
//     launch 2: thread pointer at 0x...740                     -> it is in mapping 2, 0x1740 bytes behind its begin
//     launch 3: mapping 2 is put at the recorded address - 0x1740
#pragma once

#include <optional>
#include <vector>

#include "errors.h"

namespace afterimage::launch {

struct AnonymousMapping {
  Address begin;
  std::uint64_t bytes;
};

// Outlives the attempts of one launch.
class MainTls {
 public:
  // 0: the thread pointer was not recorded, anywhere will do.
  explicit MainTls(Address recorded_fs) : recorded_fs_(recorded_fs) {}

  // Where ld.so's mapping of this number belongs; nothing: anywhere.
  std::optional<Address> place_of(std::size_t mapping_number) const;

  // The thread pointer is about to be set. Throws TryAgain when the next launch can do better.
  void learn(Address fs, const std::vector<AnonymousMapping>& mappings);

  void give_up(const std::string& reason);

  // Length of the directory name to append to LD_LIBRARY_PATH; 0: none.
  std::size_t padding_bytes() const noexcept { return padding_bytes_; }

 private:
  Address recorded_fs_;
  std::optional<std::size_t> mapping_number_;
  Address offset_ = 0;  // of the thread pointer in that mapping
  std::size_t padding_bytes_ = 0;
  int rounds_ = 0;
  bool given_up_ = false;
};

}  // namespace afterimage::launch
