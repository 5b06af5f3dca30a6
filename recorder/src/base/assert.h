// base/assert.h: for what we do wrong ourselves.
//
// What the world does wrong is an error with advice, never an assertion. The check stays in release
// builds, but it only reports: the recorder never ends the process it was meant to explain. Developers who
// want to stop there set a breakpoint on report_failed_assertion.
#pragma once

#include <cstdint>

#include "base/raw_log.h"

namespace afterimage {

[[gnu::cold, gnu::noinline]] inline void report_failed_assertion(const char* condition, const char* file,
                                                                 std::uint64_t line) noexcept {
  RawLine().text("internal error: ").text(condition).text(" does not hold at ").text(file).text(":").number(line).print();
}

}  // namespace afterimage

#define AFTERIMAGE_ASSERT(condition) \
  ((condition) ? static_cast<void>(0) : ::afterimage::report_failed_assertion(#condition, __FILE__, __LINE__))
