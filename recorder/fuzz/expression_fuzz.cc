// Compiled expressions: they end, and read nothing but what they may.
#include <cstring>

#include "fuzz/check.h"
#include "replay/expression.h"

namespace {

alignas(64) const std::uint8_t g_readable[4096] = {1, 2, 3, 4, 5, 6, 7, 8};

bool covers(const void*, std::uintptr_t address, std::size_t bytes) noexcept {
  const auto base = reinterpret_cast<std::uintptr_t>(g_readable);
  return address >= base && bytes <= sizeof g_readable && address - base <= sizeof g_readable - bytes;
}

std::string hex_digits(const std::uint8_t* data, std::size_t size) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (std::size_t i = 0; i < size; ++i) text += {kDigits[data[i] >> 4], kDigits[data[i] & 15]};
  return text;
}

}  // namespace

// The bytecode itself, so that a mutation of a byte is one of an instruction.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  afterimage::replay::Expression expression;
  const afterimage::Status status = expression.parse(hex_digits(data, size));
  FUZZ_CHECK(status.ok() || !status.message().empty());
  if (!status) return 0;
  const auto object = reinterpret_cast<std::uint64_t>(g_readable);
  const afterimage::replay::Expression::Registers registers{.rdi = object, .rsi = 64};
  std::int64_t first = 0, second = 0;
  const bool done = expression.evaluate({covers, nullptr}, registers, first);
  FUZZ_CHECK(expression.evaluate({covers, nullptr}, registers, second) == done && first == second);
  return 0;
}
