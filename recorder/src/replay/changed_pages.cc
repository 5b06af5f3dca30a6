#include "replay/changed_pages.h"

#include <algorithm>

#include "os/pages.h"

namespace afterimage::replay {

using Which = os::WrittenPages::Which;

int ChangedPages::open(std::span<const os::AddressRange> ranges) {
  ranges_.assign(ranges.begin(), ranges.end());
  std::ranges::sort(ranges_, {}, &os::AddressRange::address);
  which_ = Which::own_and_written;
  const bool tracked = userfault_.open(os::Userfault::Mode::asynchronous) == 0 && count_all();
  if (!tracked) which_ = Which::own;
  pages_.emplace();
  const int problem = pages_->open();
  if (problem != 0) pages_.reset();
  else pages_->move_out_of_the_way();
  userfault_.move_out_of_the_way();
  return problem;
}

bool ChangedPages::find(std::vector<std::uint64_t>& numbers) {
  numbers.clear();
  const auto add = [&](const os::PageRun& run) {
    for (std::uintptr_t page = run.address(); page < run.end; page += os::kPageBytes) numbers.push_back(page / os::kPageBytes);
    return true;
  };
  return std::ranges::all_of(ranges_, [&](const os::AddressRange& range) {
    return pages_->scan(which_, range.address, range.bytes, false, add) == 0;
  });
}

bool ChangedPages::forget() noexcept {
  if (which_ != Which::own_and_written) return true;
  const auto ignore = [](const os::PageRun&) { return true; };
  return std::ranges::all_of(ranges_, [&](const os::AddressRange& range) {
    return pages_->scan(which_, range.address, range.bytes, true, ignore) == 0;
  });
}

bool ChangedPages::count_all() noexcept {
  if (which_ != Which::own_and_written) return true;
  return std::ranges::all_of(ranges_, [&](const os::AddressRange& range) {
    return userfault_.watch(range.address, range.bytes) == 0 && userfault_.release(range.address, range.bytes) == 0;
  });
}

}  // namespace afterimage::replay
