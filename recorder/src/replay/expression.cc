#include "replay/expression.h"

#include <cstring>

#include "base/hex.h"

namespace afterimage::replay {
namespace {

// Numbers of the GDB manual, F.2.
enum Op : std::uint8_t {
  kAdd = 0x02, kSub = 0x03, kMul = 0x04, kDivSigned = 0x05, kDivUnsigned = 0x06, kRemSigned = 0x07, kRemUnsigned = 0x08,
  kLsh = 0x09, kRshSigned = 0x0a, kRshUnsigned = 0x0b, kLogNot = 0x0e, kBitAnd = 0x0f, kBitOr = 0x10, kBitXor = 0x11,
  kBitNot = 0x12, kEqual = 0x13, kLessSigned = 0x14, kLessUnsigned = 0x15, kExt = 0x16, kRef8 = 0x17, kRef16 = 0x18,
  kRef32 = 0x19, kRef64 = 0x1a, kIfGoto = 0x20, kGoto = 0x21, kConst8 = 0x22, kConst16 = 0x23, kConst32 = 0x24,
  kConst64 = 0x25, kReg = 0x26, kEnd = 0x27, kDup = 0x28, kPop = 0x29, kZeroExt = 0x2a, kSwap = 0x2b, kPick = 0x32,
  kRot = 0x33,
};

constexpr std::size_t kStackDepth = 64;
constexpr int kMaxSteps = 10'000;  // a loop in damaged code ends
constexpr std::uint64_t kRdi = 5, kRsi = 4;

class Machine {
 public:
  Machine(const std::vector<std::uint8_t>& code, const Expression::Memory& memory, const Expression::Registers& registers)
      : code_(code), memory_(memory), registers_(registers) {}

  bool run(std::int64_t& value) {
    for (int steps = 0; steps < kMaxSteps && at_ < code_.size() && ok_; ++steps) {
      const std::uint8_t op = code_[at_++];
      if (op == kEnd) {
        value = static_cast<std::int64_t>(top());
        return ok_;
      }
      step(op);
    }
    return false;
  }

 private:
  void step(std::uint8_t op) {
    switch (op) {
      case kConst8: return push(operand(1));
      case kConst16: return push(operand(2));
      case kConst32: return push(operand(4));
      case kConst64: return push(operand(8));
      case kRef8: return push(read(pop(), 1));
      case kRef16: return push(read(pop(), 2));
      case kRef32: return push(read(pop(), 4));
      case kRef64: return push(read(pop(), 8));
      case kReg: return push_register(operand(2));
      case kExt: return push(sign_extend(operand(1), pop()));
      case kZeroExt: return push(zero_extend(operand(1), pop()));
      case kLogNot: return push(pop() == 0);
      case kBitNot: return push(~pop());
      case kGoto: at_ = operand(2); return;
      case kIfGoto: {
        const std::size_t target = operand(2);
        if (pop() != 0) at_ = target;
        return;
      }
      case kDup: return push(top());
      case kPop: pop(); return;
      case kPick: return push(nth(operand(1)));
      case kSwap: case kRot: return reorder(op);
      default: return binary(op);
    }
  }

  void binary(std::uint8_t op) {
    const std::uint64_t b = pop(), a = pop();
    const auto sa = static_cast<std::int64_t>(a), sb = static_cast<std::int64_t>(b);
    // What C++ leaves undefined ends the evaluation.
    const bool divides = op >= kDivSigned && op <= kRemUnsigned;
    const bool overflows = (op == kDivSigned || op == kRemSigned) && sa == INT64_MIN && sb == -1;
    if (divides && (b == 0 || overflows)) return fail();
    switch (op) {
      case kAdd: return push(a + b);
      case kSub: return push(a - b);
      case kMul: return push(a * b);
      case kDivSigned: return push(static_cast<std::uint64_t>(sa / sb));
      case kDivUnsigned: return push(a / b);
      case kRemSigned: return push(static_cast<std::uint64_t>(sa % sb));
      case kRemUnsigned: return push(a % b);
      case kLsh: return push(b < 64 ? a << b : 0);
      case kRshSigned: return push(static_cast<std::uint64_t>(sa >> (b < 63 ? b : 63)));
      case kRshUnsigned: return push(b < 64 ? a >> b : 0);
      case kBitAnd: return push(a & b);
      case kBitOr: return push(a | b);
      case kBitXor: return push(a ^ b);
      case kEqual: return push(a == b);
      case kLessSigned: return push(sa < sb);
      case kLessUnsigned: return push(a < b);
      default: return fail();
    }
  }

  void reorder(std::uint8_t op) {
    const std::uint64_t c = pop(), b = pop();
    if (op == kSwap) {
      push(c);
      return push(b);
    }
    const std::uint64_t a = pop();  // rot: a b c -> c a b
    push(c);
    push(a);
    push(b);
  }

  void push_register(std::uint64_t number) {
    if (number == kRdi) return push(registers_.rdi);
    if (number == kRsi) return push(registers_.rsi);
    fail();
  }

  std::uint64_t read(std::uint64_t address, std::size_t bytes) {
    std::uint64_t value = 0;
    if (!memory_.covers(memory_.context, address, bytes)) {
      fail();
      return 0;
    }
    std::memcpy(&value, reinterpret_cast<const void*>(address), bytes);
    return value;
  }

  static std::uint64_t sign_extend(std::uint64_t bits, std::uint64_t value) {
    if (bits == 0 || bits >= 64) return value;
    const std::uint64_t sign = std::uint64_t{1} << (bits - 1);
    return (zero_extend(bits, value) ^ sign) - sign;
  }
  static std::uint64_t zero_extend(std::uint64_t bits, std::uint64_t value) {
    return bits >= 64 ? value : value & ((std::uint64_t{1} << bits) - 1);
  }

  // Operands are big-endian.
  std::size_t operand(std::size_t bytes) {
    if (bytes > code_.size() - at_) {
      fail();
      return 0;
    }
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < bytes; ++i) value = value << 8 | code_[at_++];
    return value;
  }

  void push(std::uint64_t value) {
    if (depth_ == kStackDepth) return fail();
    stack_[depth_++] = value;
  }
  std::uint64_t pop() {
    if (depth_ > 0) return stack_[--depth_];
    fail();
    return 0;
  }
  std::uint64_t nth(std::size_t below_top) {
    if (below_top < depth_) return stack_[depth_ - 1 - below_top];
    fail();
    return 0;
  }
  std::uint64_t top() { return nth(0); }
  void fail() { ok_ = false; }

  const std::vector<std::uint8_t>& code_;
  const Expression::Memory& memory_;
  const Expression::Registers& registers_;
  std::uint64_t stack_[kStackDepth];
  std::size_t depth_ = 0, at_ = 0;
  bool ok_ = true;
};

}  // namespace

Status Expression::parse(const std::string& code) {
  const auto bytes = bytes_of_hex(code);
  if (!bytes || bytes->empty()) return Status(0, "\"" + code + "\" is not a compiled expression: pairs of hex digits are expected.");
  for (const std::byte byte : *bytes) code_.push_back(static_cast<std::uint8_t>(byte));
  return {};
}

bool Expression::evaluate(const Expression::Memory& memory, const Registers& registers, std::int64_t& value) const {
  return Machine(code_, memory, registers).run(value);
}

}  // namespace afterimage::replay
