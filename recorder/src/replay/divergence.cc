#include "replay/divergence.h"

#include <time.h>

#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstring>

#include "base/hex.h"
#include "base/type_name.h"

namespace afterimage::replay {
namespace {

using format::CallId;

constexpr std::size_t kShownText = 64, kShownBytes = 16;

bool is_printable(std::span<const std::byte> bytes) {
  return std::ranges::all_of(bytes, [](std::byte byte) {
    const auto c = static_cast<unsigned char>(byte);
    return (c >= 0x20 && c < 0x7F) || c == '\n' || c == '\t';
  });
}

std::string quoted(std::span<const std::byte> bytes) {
  std::string text = "\"";
  for (const std::byte byte : bytes) {
    const char c = static_cast<char>(byte);
    if (c == '\n') text += "\\n";
    else if (c == '\t') text += "\\t";
    else text += c;
  }
  return text + "\"";
}

std::string in_hex(std::span<const std::byte> bytes) {
  return "0x" + hex_bytes(bytes.first(std::min(bytes.size(), kShownBytes))) + (bytes.size() > kShownBytes ? "..." : "");
}

std::string text_or_hex(std::span<const std::byte> bytes) {
  const auto end = std::ranges::find(bytes, std::byte{0});
  const bool ends_in_zeroes = std::all_of(end, bytes.end(), [](std::byte byte) { return byte == std::byte{0}; });
  const auto text = bytes.first(static_cast<std::size_t>(end - bytes.begin()));
  const auto begin = [](auto all, std::size_t count) { return all.first(std::min(all.size(), count)); };
  if (!text.empty() && ends_in_zeroes && is_printable(begin(text, kShownText)))
    return quoted(begin(text, kShownText)) + (text.size() > kShownText ? "..." : "");
  return in_hex(bytes);
}

template <typename T>
T read(std::span<const std::byte> bytes) {
  T value{};
  std::memcpy(&value, bytes.data(), std::min(bytes.size(), sizeof value));
  return value;
}

std::string seconds(std::span<const std::byte> bytes) {
  const auto time = read<timespec>(bytes);
  char text[48];
  std::snprintf(text, sizeof text, "%lld.%09ld s", static_cast<long long>(time.tv_sec), time.tv_nsec);
  return text;
}

std::string result_of(const format::CallHeader& header) {
  char text[64];
  if (header.id() == CallId::drand48) {
    std::snprintf(text, sizeof text, "%.17g", std::bit_cast<double>(header.result));
    return text;
  }
  const auto number = static_cast<std::int64_t>(header.result);
  // An int leaves the upper half of the word zero.
  const bool negative_int = (header.result >> 31) == 1;
  if (negative_int) return std::to_string(static_cast<std::int32_t>(header.result));
  const bool is_address = number > std::int64_t{1} << 40 || number < -(std::int64_t{1} << 40);
  return is_address ? hex(header.result) : std::to_string(number);
}

bool is_time(CallId id) { return id == CallId::clock_gettime || id == CallId::timespec_get; }

}  // namespace

std::string describe(const format::CallHeader& asked, std::span<const std::byte> shown) {
  std::string text = format::name_of(asked.id());
  if (!shown.empty()) text += "(" + text_or_hex(shown) + (shown.size() >= 64 ? "..." : "") + ")";
  return text;
}

std::string describe(const format::CallRecord& record) {
  const format::CallHeader& header = record.header;
  std::string text = describe(header, record.shown);
  if ((header.flags & format::kCallThrew) != 0) return text + " threw an exception";
  if (header.id() != CallId::input) text += " = " + result_of(header);
  const bool failed = static_cast<std::int32_t>(header.result) == -1;
  if (failed && header.error != 0) return text + " (" + std::strerror(header.error) + ")";
  if (is_time(header.id()) && record.bytes.size() == sizeof(timespec)) return text + " (" + seconds(record.bytes) + ")";
  if (!record.bytes.empty() && (header.flags & format::kPassedThrough) == 0) text += " " + text_or_hex(record.bytes);
  return text;
}

std::string Divergence::sentence() const {
  std::string text = "event " + std::to_string(event) + ": " + (call.empty() ? kind : call);
  if (!site.empty()) text += " at " + site;
  return text + ": recorded " + recorded + ", replayed " + replayed + "." + (cause.empty() ? "" : " " + cause);
}

std::string describe(const format::SentRecord& sent, std::size_t from) {
  std::string text = demangled(std::string(sent.type).c_str()) + " to reactor " + std::to_string(sent.header.reactor) + " (" +
                     std::to_string(sent.header.payload_bytes) + " bytes)";
  if (from >= sent.kept.size()) return text + ", hash " + hex(sent.header.hash);
  return text + ": " + in_hex(sent.kept.subspan(from)) + (from == 0 ? "" : " at byte " + std::to_string(from));
}

}  // namespace afterimage::replay
