// A range of addresses that lies elsewhere in this process than when it was recorded.
//
// Addresses are shifted, all by the same distance: their order stays, and so does every distance between two of them.
// Without a relocation, which is how most replays are, `bytes` is 0 and all words stay what they are.
#pragma once
#include <cstddef>
#include <cstdint>

namespace afterimage {

struct Relocation {
  std::uintptr_t recorded = 0, here = 0;
  std::size_t bytes = 0;

  explicit operator bool() const noexcept { return bytes != 0; }
  bool was_in(std::uint64_t word) const noexcept { return word - recorded < bytes; }
  bool is_in(std::uint64_t word) const noexcept { return word - here < bytes; }
  std::uint64_t to_here(std::uint64_t word) const noexcept { return was_in(word) ? word - recorded + here : word; }
  std::uint64_t as_recorded(std::uint64_t word) const noexcept { return is_in(word) ? word - here + recorded : word; }
};

}  // namespace afterimage
