// memcpy for what is short as a rule: events. Between 16 and 256 bytes it is a few moves on the spot; a call costs 4 ns, and
// `rep movs`, which compilers choose where they know a limit of the length, 12.
#pragma once
#include <cstddef>
#include <cstring>

namespace afterimage {

inline void copy_bytes(void* to, const void* from, std::size_t bytes) noexcept {
  constexpr std::size_t kMove = 16, kShort = 256;
  if (bytes < kMove || bytes > kShort) {
    asm("" : "+r"(bytes));  // forget the limit
    std::memcpy(to, from, bytes);
    return;
  }
  const auto move = [&](std::size_t at) {
    std::memcpy(static_cast<std::byte*>(to) + at, static_cast<const std::byte*>(from) + at, kMove);
  };
  for (std::size_t at = 0; at < bytes - kMove; at += kMove) move(at);
  move(bytes - kMove);  // may overlap the one before
}

}  // namespace afterimage
