// Reading the time-stamp counter (rdtsc, rdtscp) asks nobody whom the recorder could intercept. It can be made to trap.
#pragma once
#include <ucontext.h>

#include <cstdint>

namespace afterimage::os {

// From now on both instructions raise SIGSEGV in this thread, or no longer do. 0, or the errno of a kernel that cannot.
int trap_time_stamps(bool on) noexcept;

// In the handler: whether the instruction is one of the two; whether it is the vdso's, for clock_gettime(); and the doing of
// what it would have done.
bool is_time_stamp_read(const ucontext_t& context) noexcept;
bool is_in_vdso(std::uintptr_t address) noexcept;
void answer_time_stamp_read(ucontext_t& context, std::uint64_t value) noexcept;

// The counter itself, for a thread in which it traps.
std::uint64_t true_time_stamp() noexcept;

}  // namespace afterimage::os
