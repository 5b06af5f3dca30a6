#include "record/fail_allocations.h"

#include <cstdlib>

#include "base/raw_log.h"
#include "heap/settings.h"

namespace afterimage {
namespace {

constexpr const char* kVariable = "AFTERIMAGE_FAIL_ALLOCATIONS";

}  // namespace

FailAllocations fail_allocations_or(const FailAllocations& otherwise) noexcept {
  const char* const text = std::getenv(kVariable);
  if (text == nullptr) return otherwise;
  if (const auto which = parse_fail_allocations(text)) return *which;
  RawLine line;
  line.text(kVariable).text(" is \"").text(text).text("\", which is not of the form nth=100,probability=0.01,seed=7,above=4096 (any of these): no allocation fails on purpose.").print();
  return {};
}

}  // namespace afterimage
