// An event that a reactor has sent to another one: an input of kind `sent` (FORMAT.md §4), in recordings from genesis on.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "afterimage/event_type.h"

namespace afterimage::format {

// The mangled name of the event's type, and the beginning of its payload, follow.
struct SentHeader {
  std::uint32_t reactor;
  std::uint32_t flags;          // SentFlags
  std::uint64_t payload_bytes;  // in all
  std::uint64_t hash;           // of them
  std::uint32_t type_bytes;
  std::uint32_t kept_bytes;     // of the payload, at most kKeptBytes
};
static_assert(sizeof(SentHeader) == 32);

enum SentFlags : std::uint32_t {
  kUncertain = 1,  // the payload has padding that could not be cleared: its bytes say less than its value
};

inline constexpr std::size_t kKeptBytes = 4096;

// One record, taken apart. Empty when it is cut short.
struct SentRecord {
  SentHeader header{};
  std::string_view type;
  std::span<const std::byte> kept;

  SentRecord() = default;
  explicit SentRecord(std::span<const std::byte> data) noexcept {
    if (data.size() < sizeof header) return;
    std::memcpy(&header, data.data(), sizeof header);
    const auto rest = data.subspan(sizeof header);
    if (header.type_bytes > rest.size()) return;
    type = {reinterpret_cast<const char*>(rest.data()), header.type_bytes};
    kept = rest.subspan(header.type_bytes).first(std::min<std::size_t>(header.kept_bytes, rest.size() - header.type_bytes));
  }

  bool operator==(const SentRecord& other) const noexcept {
    if (header.reactor != other.header.reactor || type != other.type) return false;
    if (((header.flags | other.header.flags) & kUncertain) != 0) return header.payload_bytes == other.header.payload_bytes;
    return header.payload_bytes == other.header.payload_bytes && header.hash == other.header.hash;
  }
};

std::vector<std::byte> sent_record(std::uint32_t reactor, const detail::EventTypeInfo& type, const void* payload, std::size_t bytes);

}  // namespace afterimage::format
