// CLOCK_REALTIME in nanoseconds, for the price of reading a register.
//
// Every event is stamped twice. clock_gettime() takes 25 to 40 ns, the time-stamp counter 7 to 10. So the time is reckoned
// from the counter, and set right by the kernel's clock ten times a second. Where the kernel does not trust the counter
// (then its clock source is another one), it is asked each time.
//
// One reactor uses one: not for several threads at once.
#pragma once
#include <x86intrin.h>

#include <cstdint>

namespace afterimage::os {

class Clock {
 public:
  std::uint64_t now_ns() noexcept {
    const std::uint64_t elapsed = __rdtsc() - ticks_;
    if (elapsed < valid_ticks_) [[likely]]
      return time_ns_ + static_cast<std::uint64_t>(static_cast<unsigned __int128>(elapsed) * ns_per_tick_ >> 32);
    return ask_kernel();
  }

 private:
  std::uint64_t ask_kernel() noexcept;

  std::uint64_t ticks_ = 0, time_ns_ = 0;  // of the last time the kernel was asked, or of the first while learning
  std::uint64_t ns_per_tick_ = 0;          // 32.32 fixed point
  std::uint64_t valid_ticks_ = 0;          // reckoning is good for so long; 0: not at all yet
};

std::uint64_t realtime_ns() noexcept;  // from the kernel

}  // namespace afterimage::os
