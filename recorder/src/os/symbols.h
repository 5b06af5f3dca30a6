// The names of places in code, for people.
#pragma once
#include <cstdint>
#include <string>

namespace afterimage::os {

// "Board::react(Flight const&)+0x2a"; without a symbol "flight-board+0x1234", outside of all modules "0x7f...".
std::string code_name(std::uintptr_t address);

// Whether it is this library, or one of the C and C++ libraries.
bool is_system_library(const std::string& path);

// Of the function calls that have led here, the innermost one in the program's own code: neither in this library nor in the
// C and C++ libraries. 0 if there is none.
std::uintptr_t calling_program_code() noexcept;

}  // namespace afterimage::os
