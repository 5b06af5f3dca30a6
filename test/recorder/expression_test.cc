// The evaluator of the replayer's questions: every operation, and code that is wrong, endless, deep, or leads out of the reactor.
// The code comes from gdb, but anyone may write it to a replayer: nothing in it may do harm.
#include "replay/expression.h"

#include <cstring>
#include <initializer_list>
#include <iterator>
#include <string>

#include "check.h"

namespace {

using afterimage::replay::Expression;

// What an expression may read: sixteen words.
alignas(16) std::uint64_t g_memory[16];

bool covers(const void*, std::uintptr_t address, std::size_t bytes) noexcept {
  const auto begin = reinterpret_cast<std::uintptr_t>(g_memory);
  return address >= begin && bytes <= sizeof g_memory && address - begin <= sizeof g_memory - bytes;
}

const Expression::Registers kRegisters{.rdi = reinterpret_cast<std::uintptr_t>(g_memory), .rsi = 0x1234};

std::string hex(std::initializer_list<unsigned> bytes) {
  std::string text;
  for (const unsigned byte : bytes) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}
std::string const64(std::uint64_t value) {
  std::string text = "25";
  for (int shift = 60; shift >= 0; shift -= 4) text += "0123456789abcdef"[value >> shift & 15];
  return text;
}

bool evaluate(const std::string& code, std::int64_t& value) {
  Expression expression;
  CHECK(expression.parse(code).ok());
  return expression.evaluate({covers, nullptr}, kRegisters, value);
}
std::int64_t value_of(const std::string& code) {
  std::int64_t value = 0;
  CHECK(evaluate(code, value));
  return value;
}
bool fails(const std::string& code) {
  std::int64_t value = 0;
  return !evaluate(code, value);
}

constexpr unsigned kEnd = 0x27;

std::int64_t binary(std::uint64_t a, std::uint64_t b, unsigned op) {
  return value_of(const64(a) + const64(b) + hex({op, kEnd}));
}
bool binary_fails(std::uint64_t a, std::uint64_t b, unsigned op) {
  return fails(const64(a) + const64(b) + hex({op, kEnd}));
}

void constants() {
  CHECK_EQUAL(value_of(hex({0x22, 0xff, kEnd})), 255);
  CHECK_EQUAL(value_of(hex({0x23, 0x12, 0x34, kEnd})), 0x1234);
  CHECK_EQUAL(value_of(hex({0x24, 0xff, 0xff, 0xff, 0xff, kEnd})), 0xffff'ffff);
  CHECK_EQUAL(value_of(const64(~0ULL) + "27"), -1);
}

void arithmetic() {
  constexpr std::uint64_t minus_7 = ~6ULL, least = 1ULL << 63;
  CHECK_EQUAL(binary(~0ULL, 2, 0x02), 1);
  CHECK_EQUAL(binary(3, 5, 0x03), -2);
  CHECK_EQUAL(binary(minus_7, 3, 0x04), -21);
  CHECK_EQUAL(binary(minus_7, 2, 0x05), -3);
  CHECK_EQUAL(binary(minus_7, 2, 0x06), 0x7fff'ffff'ffff'fffc);
  CHECK_EQUAL(binary(minus_7, 2, 0x07), -1);
  CHECK_EQUAL(binary(minus_7, 10, 0x08), 9);
  for (const unsigned op : {0x05U, 0x06U, 0x07U, 0x08U}) CHECK(binary_fails(1, 0, op));
  CHECK(binary_fails(least, ~0ULL, 0x05));
  CHECK(binary_fails(least, ~0ULL, 0x07));
  CHECK_EQUAL(binary(least, ~0ULL, 0x06), 0);  // of unsigned numbers that is a number
}

void bits() {
  CHECK_EQUAL(binary(1, 63, 0x09), INT64_MIN);
  CHECK_EQUAL(binary(1, 64, 0x09), 0);
  CHECK_EQUAL(binary(~7ULL, 1, 0x0a), -4);
  CHECK_EQUAL(binary(~7ULL, 200, 0x0a), -1);
  CHECK_EQUAL(binary(~0ULL, 60, 0x0b), 15);
  CHECK_EQUAL(binary(~0ULL, 64, 0x0b), 0);
  CHECK_EQUAL(binary(12, 10, 0x0f), 8);
  CHECK_EQUAL(binary(12, 10, 0x10), 14);
  CHECK_EQUAL(binary(12, 10, 0x11), 6);
  CHECK_EQUAL(value_of(const64(5) + hex({0x12, kEnd})), -6);
  CHECK_EQUAL(value_of(const64(0xff80) + hex({0x16, 8, kEnd})), -128);
  CHECK_EQUAL(value_of(const64(0xff80) + hex({0x2a, 8, kEnd})), 0x80);
  CHECK_EQUAL(value_of(const64(~0ULL) + hex({0x16, 64, kEnd})), -1);
  CHECK_EQUAL(value_of(const64(~0ULL) + hex({0x2a, 200, kEnd})), -1);
}

void comparisons() {
  CHECK_EQUAL(binary(4, 4, 0x13), 1);
  CHECK_EQUAL(binary(4, 5, 0x13), 0);
  CHECK_EQUAL(binary(~0ULL, 1, 0x14), 1);
  CHECK_EQUAL(binary(~0ULL, 1, 0x15), 0);
  CHECK_EQUAL(value_of(hex({0x22, 0, 0x0e, kEnd})), 1);
  CHECK_EQUAL(value_of(hex({0x22, 9, 0x0e, kEnd})), 0);
}

void stack() {
  CHECK_EQUAL(value_of(hex({0x22, 3, 0x28, 0x02, kEnd})), 6);                          // dup add
  CHECK_EQUAL(value_of(hex({0x22, 3, 0x22, 4, 0x29, kEnd})), 3);                       // pop
  CHECK_EQUAL(value_of(hex({0x22, 3, 0x22, 4, 0x2b, 0x03, kEnd})), 1);                 // swap sub: 4 - 3
  CHECK_EQUAL(value_of(hex({0x22, 7, 0x22, 8, 0x22, 9, 0x32, 2, kEnd})), 7);           // pick
  CHECK_EQUAL(value_of(hex({0x22, 1, 0x22, 2, 0x22, 3, 0x33, kEnd})), 2);              // rot: 1 2 3 -> 3 1 2
  CHECK_EQUAL(value_of(hex({0x22, 1, 0x22, 2, 0x22, 3, 0x33, 0x29, 0x29, kEnd})), 3);
  for (const unsigned op : {0x02U, 0x0eU, 0x17U, 0x28U, 0x29U, 0x2bU, 0x33U, 0x20U}) CHECK(fails(hex({op, 0, 0, kEnd})));
  CHECK(fails(hex({0x22, 1, 0x32, 1, kEnd})));
  CHECK(fails(hex({kEnd})));
}

void jumps() {
  // if 1 then 5 else 6
  const auto choice = [](unsigned condition) {
    return hex({0x22, condition, 0x20, 0, 10, 0x22, 6, 0x21, 0, 12, 0x22, 5, kEnd});
  };
  CHECK_EQUAL(value_of(choice(1)), 5);
  CHECK_EQUAL(value_of(choice(0)), 6);
  CHECK(fails(hex({0x21, 0, 0})));                 // for ever
  CHECK(fails(hex({0x22, 1, 0x21, 0, 0})));        // for ever, and deeper each time
  CHECK(fails(hex({0x21, 0xff, 0xff, kEnd})));     // behind the end
  CHECK(fails(hex({0x22, 1})));                    // without an end
}

void registers_and_memory() {
  std::memset(g_memory, 0, sizeof g_memory);
  g_memory[0] = 0x8877'6655'4433'2211;
  const std::string self = hex({0x26, 0, 5});
  CHECK_EQUAL(value_of(self + "27"), static_cast<std::int64_t>(kRegisters.rdi));
  CHECK_EQUAL(value_of(hex({0x26, 0, 4, kEnd})), 0x1234);
  for (const unsigned other : {0U, 6U, 7U, 16U}) CHECK(fails(hex({0x26, 0, other, kEnd})));
  CHECK_EQUAL(value_of(self + hex({0x17, kEnd})), 0x11);
  CHECK_EQUAL(value_of(self + hex({0x18, kEnd})), 0x2211);
  CHECK_EQUAL(value_of(self + hex({0x19, kEnd})), 0x4433'2211);
  CHECK_EQUAL(value_of(self + hex({0x1a, kEnd})), static_cast<std::int64_t>(g_memory[0]));
  CHECK_EQUAL(value_of(self + hex({0x22, 1, 0x02, 0x18, kEnd})), 0x3322);  // need not be aligned
  // The last byte can be read, what reaches over it cannot; nor can null, or the end of the address space.
  CHECK_EQUAL(value_of(self + hex({0x22, 127, 0x02, 0x17, kEnd})), 0);
  CHECK(fails(self + hex({0x22, 127, 0x02, 0x18, kEnd})));
  CHECK(fails(self + hex({0x22, 1, 0x03, 0x17, kEnd})));
  CHECK(fails(hex({0x22, 0, 0x1a, kEnd})));
  CHECK(fails(const64(~0ULL) + hex({0x1a, kEnd})));
}

void wrong_code() {
  Expression expression;
  for (const char* const code : {"", "2", "227", "zz27", "22 0527", "2205Z7"}) CHECK(!Expression().parse(code).ok());
  for (unsigned op = 0; op < 256; ++op) {
    std::int64_t value = 0;
    (void)evaluate(hex({op}), value);                      // alone: no operand, no stack
    (void)evaluate(hex({0x22, 1, 0x28, 0x28, op}), value);  // with a stack, but cut off
  }
  for (const unsigned op : {0x00U, 0x01U, 0x0cU, 0x0dU, 0x1bU, 0x1cU, 0x2cU, 0x30U, 0x34U, 0xffU})
    CHECK(fails(hex({0x22, 1, 0x22, 1, op, kEnd})));  // tracing, floating point, printf, and what there is not
}

void depth() {
  const auto pushes = [](int count) {
    std::string code;
    for (int i = 0; i < count; ++i) code += "2201";
    return code;
  };
  CHECK_EQUAL(value_of(pushes(64) + "27"), 1);
  CHECK(fails(pushes(65) + "27"));
}

// Random programs: any outcome, but an outcome.
void fuzz() {
  RandomNumbers random;
  std::uint64_t answered = 0;
  for (int round = 0; round < 200'000; ++round) {
    std::string code;
    for (std::uint64_t length = 1 + random.below(24); length > 0; --length) {
      constexpr struct {
        unsigned op, operands;
      } kUseful[] = {{0x22, 1}, {0x26, 2}, {0x1a, 0}, {0x17, 0}, {0x02, 0}, {0x20, 2}, {0x21, 2},
                     {0x28, 0}, {0x32, 1}, {0x27, 0}, {0x16, 1}, {0x05, 0}, {0x22, 1}, {0x22, 1}};
      const auto& [op, operands] = kUseful[random.below(std::size(kUseful))];
      const bool useful = random.below(8) != 0;
      code += hex({useful ? op : static_cast<unsigned>(random.below(256))});
      for (unsigned i = 0; useful && i < operands; ++i) code += hex({i + 1 < operands ? 0 : static_cast<unsigned>(random.below(8))});
    }
    std::int64_t value = 0;
    answered += evaluate(code, value);
  }
  CHECK(answered > 1000);  // not all of them are refused at once
}

}  // namespace

int main() {
  constants();
  arithmetic();
  bits();
  comparisons();
  stack();
  jumps();
  registers_and_memory();
  wrong_code();
  depth();
  fuzz();
}
