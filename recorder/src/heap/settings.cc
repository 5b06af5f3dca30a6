#include "heap/settings.h"

#include <charconv>

namespace afterimage {
namespace {

template <typename Number>
bool read(std::string_view text, Number& number) noexcept {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && number >= 0;
}

bool read(std::string_view text, bool& is_on) noexcept {
  is_on = text == "1";
  return is_on || text == "0";
}

bool read_part(std::string_view name, std::string_view value, FailAllocations& which) noexcept {
  if (name == "nth") return read(value, which.nth);
  if (name == "probability") return read(value, which.probability) && which.probability <= 1;
  if (name == "seed") return read(value, which.seed);
  if (name == "above") return read(value, which.above_bytes);
  return false;
}

bool read_part(std::string_view name, std::string_view value, HeapSettings& settings) noexcept {
  if (name == "limit") return read(value, settings.limit_bytes);
  if (name == "kinda-safe") return read(value, settings.kinda_safe);
  if (name == "stop-at-misuse") return read(value, settings.stop_at_misuse);
  return read_part(name, value, settings.fail_allocations);
}

// "name=value,name=value"
template <typename Parts>
std::optional<Parts> parse(std::string_view text) noexcept {
  Parts parts;
  while (!text.empty()) {
    const std::string_view part = text.substr(0, text.find(','));
    const std::size_t equals = part.find('=');
    if (equals == part.npos || !read_part(part.substr(0, equals), part.substr(equals + 1), parts)) return {};
    text.remove_prefix(part.size() < text.size() ? part.size() + 1 : part.size());
  }
  return parts;
}

// Nothing of it is lost, also of a probability.
template <typename Number>
void write_part(std::string& text, const char* name, Number value, Number otherwise = {}) {
  if (value == otherwise) return;
  char digits[32];
  const auto [end, error] = std::to_chars(digits, digits + sizeof digits, value);
  text.append(text.empty() ? "" : ",").append(name).append("=").append(digits, end);
}

}  // namespace

std::string to_text(const HeapSettings& settings) {
  const FailAllocations& which = settings.fail_allocations;
  std::string text;
  write_part(text, "limit", settings.limit_bytes);
  write_part(text, "kinda-safe", int{settings.kinda_safe});
  write_part(text, "stop-at-misuse", int{settings.stop_at_misuse});
  write_part(text, "nth", which.nth);
  write_part(text, "probability", which.probability);
  write_part(text, "seed", which.seed, FailAllocations{}.seed);
  write_part(text, "above", which.above_bytes);
  return text;
}

std::optional<HeapSettings> parse_heap_settings(std::string_view text) noexcept { return parse<HeapSettings>(text); }
std::optional<FailAllocations> parse_fail_allocations(std::string_view text) noexcept { return parse<FailAllocations>(text); }

}  // namespace afterimage
