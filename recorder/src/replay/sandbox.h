// What the replayed program cannot do: change a file, reach the network, start a process, signal another.
//
// A recording is somebody else's data, and a replay that went astray may do anything. So from the first event on a seccomp
// filter lets only those system calls pass that keep to this process. Others are answered "not permitted", and reported.
//
// The filter also finds system calls which the program makes by itself, past libc: nobody could have recorded them.
#pragma once
#include <cstdint>

#include "afterimage/status.h"

namespace afterimage::replay {

struct TrappedCall {
  long number;
  std::uintptr_t site;
  bool raw;      // made past libc
  bool refused;  // it was not carried out
};

// Cannot be undone. `on_trap` runs in a signal handler, but one for a signal that the program has caused where it is.
// An error, with the reason, where the kernel or a container does not allow it.
Status enter_sandbox(void (*on_trap)(const TrappedCall& call));

// "openat", or "system call 471".
const char* system_call_name(long number) noexcept;

}  // namespace afterimage::replay
