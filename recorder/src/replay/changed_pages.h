// Which pages of some private mappings may have changed since one last looked.
//
// With userfaultfd (Linux 6.7, where it is allowed) those that were written since; without it all that this process has ever
// written, which is more to look at, but the same answer. Both need PAGEMAP_SCAN.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "os/modules.h"
#include "os/write_tracking.h"

namespace afterimage::replay {

class ChangedPages {
 public:
  // Before the sandbox is entered. 0 or an errno: ENOTTY before Linux 6.7, EACCES when /proc/self/pagemap may not be read.
  [[nodiscard]] int open(std::span<const os::AddressRange> ranges);
  bool is_open() const noexcept { return pages_.has_value(); }

  // The numbers of the pages, ascending. False when they cannot be found.
  [[nodiscard]] bool find(std::vector<std::uint64_t>& numbers);
  // What is found from here on has been written after now.
  [[nodiscard]] bool forget() noexcept;
  // All pages of the process's own are found again. Needed after new mappings; also makes writing to many pages cheap.
  [[nodiscard]] bool count_all() noexcept;

 private:
  std::vector<os::AddressRange> ranges_;  // ascending
  os::Userfault userfault_;
  os::WrittenPages::Which which_ = os::WrittenPages::Which::own;
  std::optional<os::WrittenPages> pages_;
};

}  // namespace afterimage::replay
