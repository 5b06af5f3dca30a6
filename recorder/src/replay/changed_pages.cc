#include "replay/changed_pages.h"

#include <algorithm>

#include "os/pages.h"

namespace afterimage::replay {

using Which = os::WrittenPages::Which;

int ChangedPages::open(std::span<const os::AddressRange> ranges) {
  ranges_.assign(ranges.begin(), ranges.end());
  std::ranges::sort(ranges_, {}, &os::AddressRange::address);
  const bool tracked = userfault_.open(os::Userfault::Mode::asynchronous) == 0 && count_all();
  pages_.emplace(tracked ? Which::own_and_written : Which::own);
  const int problem = pages_->open();
  if (problem != 0) pages_.reset();
  else pages_->move_out_of_the_way();
  userfault_.move_out_of_the_way();
  return problem;
}

bool ChangedPages::find(std::vector<std::uint64_t>& numbers) {
  numbers.clear();
  const auto add = [&](std::uintptr_t address, std::size_t bytes) {
    for (std::uintptr_t page = address; page < address + bytes; page += os::kPageBytes) numbers.push_back(page / os::kPageBytes);
    return true;
  };
  return std::ranges::all_of(ranges_, [&](const os::AddressRange& range) {
    return pages_->scan(range.address, range.bytes, false, add) == 0;
  });
}

bool ChangedPages::forget() noexcept {
  if (pages_->which() != Which::own_and_written) return true;
  const auto ignore = [](std::uintptr_t, std::size_t) { return true; };
  return std::ranges::all_of(ranges_, [&](const os::AddressRange& range) {
    return pages_->scan(range.address, range.bytes, true, ignore) == 0;
  });
}

bool ChangedPages::count_all() noexcept {
  if (pages_ && pages_->which() != Which::own_and_written) return true;
  return std::ranges::all_of(ranges_, [&](const os::AddressRange& range) {
    return userfault_.watch(range.address, range.bytes) == 0 && userfault_.release(range.address, range.bytes) == 0;
  });
}

}  // namespace afterimage::replay
