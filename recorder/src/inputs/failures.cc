// inputs/failures.cc: what react() does wrong by its own account: a failed assertion, an exception that nobody catches, abort(), a
// misuse of memory. It is put into the log where it happens, before the program goes on or ends. To the replay it is a call
// like any other: it is made at the same place, or the replay differs.
#include "inputs/failures.h"

#include <cxxabi.h>
#include <stdlib.h>

#include <exception>
#include <string>

#include "base/out_of_memory.h"
#include "base/type_name.h"
#include "heap/misuse.h"
#include "inputs/intercept.h"

// The last one is std::__glibcxx_assert_fail: of libraries that were compiled with _GLIBCXX_ASSERTIONS.
extern "C" {
void __assert_fail(const char* condition, const char* file, unsigned line, const char* function) noexcept;
void __assert_perror_fail(int error, const char* file, unsigned line, const char* function) noexcept;
void glibcxx_assert_fail(const char* file, int line, const char* function, const char* condition) noexcept
    __asm__("_ZSt21__glibcxx_assert_failPKciS0_S0_");
}

namespace afterimage::inputs {
namespace {

AFTERIMAGE_REAL(abort)
AFTERIMAGE_REAL(__assert_fail)
AFTERIMAGE_REAL(__assert_perror_fail)
AFTERIMAGE_REAL_NAMED(decltype(::glibcxx_assert_fail), glibcxx_assert_fail, "_ZSt21__glibcxx_assert_failPKciS0_S0_")

[[gnu::constructor(101)]] void listen_to_heaps() noexcept { failure_listener = note_failure; }

// The text is made outside of the reactor's heap.
template <typename Text>
void note(const char* kind, const void* site, Text text) noexcept {
  if (!in_event()) return;
  std::string sentence;
  {
    const OutsideScope outside;
    if (!finds_memory([&] { sentence = text(); })) return;
  }
  note_failure(kind, sentence, site);
}

std::string assertion_text(const char* condition, const char* file, long line, const char* function) {
  std::string text = "assertion failed: " + std::string(condition != nullptr ? condition : "?");
  if (function != nullptr) text += std::string(", in ") + function;
  return text + " (" + (file != nullptr ? file : "?") + ":" + std::to_string(line) + ")";
}

// When nobody catches an exception, std::terminate() handles it, and calls abort().
std::string abort_text() {
  const std::type_info* const type = abi::__cxa_current_exception_type();
  if (type == nullptr) return "abort() was called";
  std::string text = "abort() was called for an exception, " + type_name(*type);
  try {
    throw;
  } catch (const std::exception& exception) {
    text += std::string(": ") + exception.what();
  } catch (...) {
  }
  return text;
}

}  // namespace

void note_failure(const char* kind, std::string_view sentence, const void* site) noexcept {
  Call call(CallId::failure, site, format::kOutput);
  call.arguments = format::failure_kind(kind);
  call.shown = std::as_bytes(std::span(sentence));
  intercept(call, Otherwise::run, [] { return 0; });
}

}  // namespace afterimage::inputs

using namespace afterimage::inputs;

AFTERIMAGE_CALL void __assert_fail(const char* condition, const char* file, unsigned line, const char* function) noexcept {
  note("assertion", AFTERIMAGE_SITE, [&] { return assertion_text(condition, file, line, function); });
  real___assert_fail(condition, file, line, function);
  __builtin_unreachable();
}

AFTERIMAGE_CALL void __assert_perror_fail(int error, const char* file, unsigned line, const char* function) noexcept {
  note("assertion", AFTERIMAGE_SITE, [&] { return assertion_text(std::strerror(error), file, line, function); });
  real___assert_perror_fail(error, file, line, function);
  __builtin_unreachable();
}

AFTERIMAGE_CALL void glibcxx_assert_fail(const char* file, int line, const char* function, const char* condition) noexcept {
  note("assertion", AFTERIMAGE_SITE, [&] { return assertion_text(condition, file, line, function); });
  real_glibcxx_assert_fail(file, line, function, condition);
  __builtin_unreachable();
}

AFTERIMAGE_CALL void abort() noexcept {
  note("abort", AFTERIMAGE_SITE, abort_text);
  real_abort();
  __builtin_unreachable();
}
