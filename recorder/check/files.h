// check/files.h: what the findings cannot be understood without, in the directory of the check.
#pragma once
#include "base/check_hooks.h"
#include "event.h"

namespace afterimage::check {

void set_directory(const char* directory) noexcept;

// `modules`: a line "BIAS BEGIN END CODE SAVED PATH" for each; the first numbers are hexadecimal. SAVED: snapshots have its variables.
void write_modules() noexcept;
void set_variable_rules(const char* rules) noexcept;
// `reactors`: a line "ID OBJECT BASE BYTES TYPE<tab>NAME" is added.
void write_reactor(const CheckedReactor& reactor) noexcept;
// `r<reactor>-<number>.core`: the heap and the executable's data as an ELF core file, for gdb.
void write_image(const Event& event, std::uint64_t number) noexcept;

}  // namespace afterimage::check
