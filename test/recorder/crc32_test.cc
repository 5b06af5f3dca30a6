// The fast CRC-32 is the CRC-32: compared with the definition, bit by bit, for every length and alignment that takes
// another path, and with the published check value.
#include "format/crc32.h"

#include <cstring>
#include <random>
#include <vector>

#include "check.h"

using afterimage::format::crc32;

namespace {

std::uint32_t by_definition(std::span<const std::byte> bytes) {
  std::uint32_t crc = ~std::uint32_t{0};
  for (const std::byte byte : bytes) {
    crc ^= static_cast<std::uint32_t>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) != 0 ? (crc >> 1) ^ 0xEDB88320u : crc >> 1;
  }
  return ~crc;
}

}  // namespace

int main() {
  const char check[] = "123456789";
  CHECK(crc32(std::as_bytes(std::span(check, 9))) == 0xCBF43926u);
  CHECK(crc32({}) == 0);

  std::mt19937 random(1);
  std::vector<std::byte> bytes(4096 + 64);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
  for (std::size_t length = 0; length < 400; ++length)
    for (const std::size_t offset : {0, 1, 7, 16}) {
      const auto part = std::span<const std::byte>(bytes).subspan(offset, length);
      CHECK(crc32(part) == by_definition(part));
    }
  const auto all = std::span<const std::byte>(bytes);
  CHECK(crc32(all) == by_definition(all));
  // In two parts it is the same as in one.
  for (std::size_t split = 0; split <= all.size(); split += 37)
    CHECK(crc32(all.subspan(split), crc32(all.first(split))) == by_definition(all));
}
