#include "replay/state_digest.h"

#include <unistd.h>

#include <cstring>

namespace afterimage::replay {
namespace {

std::uint64_t mixed(std::uint64_t digest, std::uint64_t word) {
  digest = (digest ^ word) * 0x9E3779B97F4A7C15u;
  return digest ^ digest >> 29;
}

}  // namespace

std::uint64_t state_digest(std::span<const os::AddressRange> ranges, const Relocation& relocation) {
  std::uint64_t digest = 0;
  for (const os::AddressRange& range : ranges) {
    digest = mixed(digest, relocation.as_recorded(range.address));
    for (std::uintptr_t at = range.address; at < range.address + range.bytes; at += sizeof(std::uint64_t)) {
      if (at == reinterpret_cast<std::uintptr_t>(&environ)) continue;  // points to this process's stack
      std::uint64_t word;
      std::memcpy(&word, reinterpret_cast<const void*>(at), sizeof word);
      digest = mixed(digest, relocation.as_recorded(word));
    }
  }
  return digest;
}

}  // namespace afterimage::replay
