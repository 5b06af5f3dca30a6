#include "format/sent.h"

#include "base/hash.h"

namespace afterimage::format {
namespace {

constexpr std::size_t kVectorAlignment = 16;  // of a copy in a vector

// The payload, with its padding cleared where that is possible.
std::vector<std::byte> value_of(const detail::EventTypeInfo& type, const void* payload, std::size_t bytes, bool& uncertain) {
  const auto* const first = static_cast<const std::byte*>(payload);
  std::vector<std::byte> value(first, first + bytes);
  uncertain = type.has_padding && (type.clear_padding == nullptr || type.align > kVectorAlignment || bytes != type.bytes);
  if (type.has_padding && !uncertain) type.clear_padding(value.data());
  return value;
}

}  // namespace

std::vector<std::byte> sent_record(std::uint32_t reactor, const detail::EventTypeInfo& type, const void* payload, std::size_t bytes) {
  bool uncertain = false;
  const auto value = value_of(type, payload, bytes, uncertain);
  const std::string_view name = type.type->name();
  const SentHeader header{.reactor = reactor,
                          .flags = uncertain ? std::uint32_t{kUncertain} : 0,
                          .payload_bytes = bytes,
                          .hash = hash_bytes(0, value.data(), value.size()),
                          .type_bytes = static_cast<std::uint32_t>(name.size()),
                          .kept_bytes = static_cast<std::uint32_t>(std::min(value.size(), kKeptBytes))};
  std::vector<std::byte> record(sizeof header + name.size() + header.kept_bytes);
  std::memcpy(record.data(), &header, sizeof header);
  std::memcpy(record.data() + sizeof header, name.data(), name.size());
  if (header.kept_bytes > 0) std::memcpy(record.data() + sizeof header + name.size(), value.data(), header.kept_bytes);
  return record;
}

}  // namespace afterimage::format
