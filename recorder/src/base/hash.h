// A fast 64-bit hash for comparing what a replay sends with what was sent. Not for untrusted keys.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace afterimage {

inline std::uint64_t hash_mix(std::uint64_t hash, std::uint64_t word) noexcept {
  hash = (hash ^ word) * 0x9E3779B97F4A7C15ull;
  return hash ^ hash >> 32;
}

inline std::uint64_t hash_bytes(std::uint64_t hash, const void* data, std::size_t bytes) noexcept {
  const auto* p = static_cast<const unsigned char*>(data);
  hash = hash_mix(hash, bytes);
  for (; bytes >= 8; bytes -= 8, p += 8) {
    std::uint64_t word;
    std::memcpy(&word, p, 8);
    hash = hash_mix(hash, word);
  }
  std::uint64_t tail = 0;
  std::memcpy(&tail, p, bytes);
  return bytes != 0 ? hash_mix(hash, tail) : hash;
}

}  // namespace afterimage
