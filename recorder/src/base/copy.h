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
    if (bytes != 0) std::memcpy(to, from, bytes);  // of no bytes there may be no address
    return;
  }
  auto* target = static_cast<std::byte*>(to);
  const auto* source = static_cast<const std::byte*>(from);
  for (; bytes > 2 * kMove; bytes -= kMove, target += kMove, source += kMove) std::memcpy(target, source, kMove);
  std::memcpy(target, source, kMove);
  if (bytes == kMove) return;
  // May overlap the one before, but not by more than it must: who reads 16 bytes that two stores have a part in waits for both.
  constexpr std::size_t kHalf = kMove / 2;
  if (bytes <= kMove + kHalf) std::memcpy(target + bytes - kHalf, source + bytes - kHalf, kHalf);
  else std::memcpy(target + bytes - kMove, source + bytes - kMove, kMove);
}

}  // namespace afterimage
