// Reading the time-stamp counter (rdtsc, rdtscp) asks nobody whom the recorder could intercept. In the replay it traps.
#pragma once
#include <ucontext.h>

#include <cstdint>

namespace afterimage::replay {

// From now on both instructions raise SIGSEGV in this thread. False where the kernel cannot do that.
bool trap_time_stamps() noexcept;

// An event that was begun is begun again: its reads are counted anew.
void forget_time_stamps() noexcept;

struct TimeStampRead {
  bool emulated;        // false: the signal was raised by something else
  std::uintptr_t site;  // of the instruction
};

// In the handler of SIGSEGV: does what the instruction would have done. Inside react() the counter grows from event to event
// and from read to read, the same in every replay; elsewhere, and for libc's own clocks, it is the true one.
TimeStampRead emulate_time_stamp(ucontext_t& context, bool in_react, std::uint64_t event) noexcept;

}  // namespace afterimage::replay
