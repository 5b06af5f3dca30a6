// Compares the replayed reactor with a core dump of the recorded process, page by page: the proof that a replay is faithful.
//
// After a crash there is no orderly way on, so the comparison is made by the signal handler: prepared before, it allocates nothing.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "afterimage/status.h"
#include "base/file_descriptor.h"
#include "base/relocation.h"

namespace afterimage::replay {

class PageComparison {
 public:
  // Reads a list of what the core holds of the reactor's slot: a line `core PATH`, then `load ADDRESS BYTES OFFSET` (hex).
  // Memory outside of the recorded slot [base, base + bytes) is refused: only that is the reactor's.
  Status open(const std::string& list, std::uintptr_t base, std::size_t bytes, const Relocation& relocation);
  bool is_open() const noexcept { return core_.valid(); }

  // Compares and reports. Signal-safe.
  void report() const noexcept;

 private:
  struct Load {
    std::uintptr_t address;
    std::size_t bytes;
    std::uint64_t offset;
  };
  Relocation relocation_;
  FileDescriptor core_;
  std::vector<Load> loads_;
};

}  // namespace afterimage::replay
