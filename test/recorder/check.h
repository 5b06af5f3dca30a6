// test/recorder/check.h: what the C++ tests need of a test framework.
//
// A test is an executable; it ends with 0 if all its checks held, at the first that does not with 1.
// A test which cannot run here ends with kSkipped (ctest: SKIP_RETURN_CODE 77) and says why.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>

#define CHECK(condition)                                                                     \
  do {                                                                                       \
    if (!(condition)) {                                                                      \
      std::fprintf(stderr, "%s:%d: CHECK(%s) failed\n", __FILE__, __LINE__, #condition);     \
      std::_Exit(1);                                                                         \
    }                                                                                        \
  } while (false)

// For integers: shows both values.
#define CHECK_EQUAL(actual, expected)                                                                          \
  do {                                                                                                         \
    const auto check_actual = (actual);                                                                        \
    const auto check_expected = (expected);                                                                    \
    if (!(check_actual == check_expected)) {                                                                   \
      std::fprintf(stderr, "%s:%d: %s is %lld (0x%llx), expected %s = %lld (0x%llx)\n", __FILE__, __LINE__,    \
                   #actual, static_cast<long long>(check_actual), static_cast<unsigned long long>(check_actual), \
                   #expected, static_cast<long long>(check_expected),                                          \
                   static_cast<unsigned long long>(check_expected));                                           \
      std::_Exit(1);                                                                                           \
    }                                                                                                          \
  } while (false)

inline constexpr int kSkipped = 77;

// The same numbers in every run (xorshift64).
class RandomNumbers {
 public:
  explicit RandomNumbers(std::uint64_t seed = 0x9e37'79b9'7f4a'7c15) noexcept : state_(seed) {}
  std::uint64_t next() noexcept {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    return state_ ^= state_ << 17;
  }
  std::uint64_t below(std::uint64_t limit) noexcept { return next() % limit; }

 private:
  std::uint64_t state_;
};
