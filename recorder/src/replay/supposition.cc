#include "replay/supposition.h"

#include <algorithm>
#include <string>

#include "base/hex.h"

namespace afterimage::replay {

Status Supposition::read(std::istream& text) {
  for (std::string what; text >> what;) {
    Status status = what == "without" ? read_range(text) : what == "payload" ? read_payload(text) : Status(0, "\"" + what + "\" cannot be supposed.");
    if (!status) return status;
  }
  return {};
}

Status Supposition::read_range(std::istream& text) {
  std::uint64_t from = 0, to = 0;
  if (!(text >> from >> to) || from >= to) return Status(0, "which events to leave out is not a range.");
  without_[from] = std::max(without_[from], to);
  first_ = std::min(first_, from);
  return {};
}

Status Supposition::read_payload(std::istream& text) {
  std::uint64_t event = 0;
  std::string digits;
  if (!(text >> event >> digits)) return Status(0, "another payload needs the number of an event, and bytes.");
  auto bytes = bytes_of_hex(digits);
  if (!bytes) return Status(0, "the other payload of event " + std::to_string(event) + " is not hexadecimal.");
  payloads_[event] = std::move(*bytes);
  first_ = std::min(first_, event);
  return {};
}

bool Supposition::leaves_out(std::uint64_t event) const noexcept {
  const auto after = without_.upper_bound(event);
  return after != without_.begin() && event < std::prev(after)->second;
}

std::span<const std::byte> Supposition::payload(std::uint64_t event, std::span<const std::byte> recorded) const {
  const auto found = payloads_.find(event);
  return found == payloads_.end() ? recorded : found->second;
}

}  // namespace afterimage::replay
