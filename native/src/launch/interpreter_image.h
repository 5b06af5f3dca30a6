// Another ld.so in place of the one that the kernel has loaded: a bundle's, on a machine whose C library is another build.
//
// The path of ld.so is in the executable, and the kernel maps that file before it starts anything. Nothing of it has run when
// the program stands at the exit of execve, so it can still be replaced, as the kernel itself would have mapped the other.
#pragma once

#include <string>

#include "address_space.h"

namespace afterimage::launch {

struct Interpreter {
  Address base;
  Address entry;
};

// Unmaps `kernels` and maps the file at `base`. Throws TryAgain when something else is there.
Interpreter replace_interpreter(Tracee& tracee, const Image& kernels, const std::string& file, Address base);

}  // namespace afterimage::launch
