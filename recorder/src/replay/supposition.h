// What a replay supposes to be otherwise than recorded: events that never came, and events that brought something else.
#pragma once
#include <cstddef>
#include <cstdint>
#include <istream>
#include <map>
#include <span>
#include <vector>

#include "afterimage/status.h"

namespace afterimage::replay {

class Supposition {
 public:
  // Any number of "without FROM TO" (TO is not left out) and "payload EVENT HEX".
  Status read(std::istream& text);

  bool empty() const noexcept { return without_.empty() && payloads_.empty(); }
  // From this event on nothing need be as it was recorded.
  std::uint64_t first() const noexcept { return first_; }
  bool leaves_out(std::uint64_t event) const noexcept;
  std::span<const std::byte> payload(std::uint64_t event, std::span<const std::byte> recorded) const;

 private:
  Status read_range(std::istream& text);
  Status read_payload(std::istream& text);

  std::map<std::uint64_t, std::uint64_t> without_;  // ranges: the end, by the beginning
  std::map<std::uint64_t, std::vector<std::byte>> payloads_;
  std::uint64_t first_ = ~std::uint64_t{0};
};

}  // namespace afterimage::replay
