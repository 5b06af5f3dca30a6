// Puts a program that has just been exec'ed where it was in the recording, before ld.so runs its first instruction.
//
// Nothing is relocated yet, so moving the executable and ld.so takes no more than telling ld.so (the auxiliary vector),
// the processor (rip) and the kernel (PR_SET_MM_MAP, from which debuggers learn where the program is).
#pragma once

#include "recorded_modules.h"
#include "tracee.h"

namespace afterimage::launch {

// `tracee` stands at the exit of execve. Throws TryAgain when a recorded place is taken.
void place_program(Tracee& tracee, const RecordedModules& recorded);

}  // namespace afterimage::launch
