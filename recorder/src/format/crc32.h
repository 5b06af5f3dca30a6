// CRC-32 (IEEE 802.3), the checksum MCAP uses.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

namespace afterimage::format {

// `crc` is the result for the bytes before these; 0 to begin with.
std::uint32_t crc32(std::span<const std::byte> bytes, std::uint32_t crc = 0) noexcept;

}  // namespace afterimage::format
