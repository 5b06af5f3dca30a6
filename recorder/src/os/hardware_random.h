// The instructions rdrand and rdseed ask nobody whom the recorder could intercept, and nothing makes them trap.
#pragma once
#include <cstdint>

namespace afterimage::os {

// Behind the first one in the code of the program and its own libraries; 0 if there is none. Bytes that look like one, with
// something behind them that looks at its carry flag, count as one.
std::uintptr_t find_hardware_random() noexcept;

}  // namespace afterimage::os
