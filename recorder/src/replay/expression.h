// A C++ expression over the reactor's state, as gdb compiles it for remote tracepoints ("agent expressions", GDB manual,
// appendix F): evaluated here, after each of millions of events, without a debugger and without side effects.
//
// Only what reads memory and computes is accepted. Memory that is not part of the reactor makes an evaluation fail, not
// the replayer.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "afterimage/status.h"

namespace afterimage::replay {

class Expression {
 public:
  // `code` is the bytecode in hex digits.
  Status parse(const std::string& code);

  // What the DWARF registers that an expression may name hold: rdi (5, `this`) and rsi (4, the event) as on entry to react().
  struct Registers {
    std::uint64_t rdi = 0, rsi = 0;
  };
  // What an expression may read.
  struct Memory {
    bool (*covers)(const void* context, std::uintptr_t address, std::size_t bytes) noexcept;
    const void* context;
  };
  // False when memory is not readable or a division by zero occurs.
  bool evaluate(const Memory& memory, const Registers& registers, std::int64_t& value) const;

 private:
  std::vector<std::uint8_t> code_;
};

}  // namespace afterimage::replay
