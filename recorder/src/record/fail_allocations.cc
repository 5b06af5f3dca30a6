#include "record/fail_allocations.h"

#include <charconv>
#include <cstdlib>

#include "base/raw_log.h"

namespace afterimage {
namespace {

constexpr const char* kVariable = "AFTERIMAGE_FAIL_ALLOCATIONS";

template <typename Number>
bool read(std::string_view text, Number& number) noexcept {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && number >= 0;
}

bool read_part(std::string_view name, std::string_view value, FailAllocations& which) noexcept {
  if (name == "nth") return read(value, which.nth);
  if (name == "probability") return read(value, which.probability) && which.probability <= 1;
  if (name == "seed") return read(value, which.seed);
  if (name == "above") return read(value, which.above_bytes);
  return false;
}

}  // namespace

std::optional<FailAllocations> parse_fail_allocations(std::string_view text) noexcept {
  FailAllocations which;
  while (!text.empty()) {
    const std::string_view part = text.substr(0, text.find(','));
    const std::size_t equals = part.find('=');
    if (equals == part.npos || !read_part(part.substr(0, equals), part.substr(equals + 1), which)) return {};
    text.remove_prefix(part.size() < text.size() ? part.size() + 1 : part.size());
  }
  return which;
}

FailAllocations fail_allocations_or(const FailAllocations& otherwise) noexcept {
  const char* const text = std::getenv(kVariable);
  if (text == nullptr) return otherwise;
  if (const auto which = parse_fail_allocations(text)) return *which;
  RawLine line;
  line.text(kVariable).text(" is \"").text(text).text("\", which is not of the form nth=100,probability=0.01,seed=7,above=4096 (any of these): no allocation fails on purpose.").print();
  return {};
}

}  // namespace afterimage
