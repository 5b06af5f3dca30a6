// What the processor can do, as far as it decides which of several versions of a function the C library runs. Some of its
// mathematical functions give other last bits in each.
#pragma once
#include <string>
#include <vector>

namespace afterimage::os {

// By the names of the tunable glibc.cpu.hwcaps, which leaves them out of use.
std::vector<std::string> used_instruction_sets();

}  // namespace afterimage::os
