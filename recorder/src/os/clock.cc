#include "os/clock.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace afterimage::os {
namespace {

// The rate is wrong by the noise of one reading, some 50 ns, over the time that it was learned in: it is relied on for ten times
// as long, and is then wrong by half a microsecond.
constexpr std::uint64_t kLearningNs = 1'000'000;
constexpr std::uint64_t kValidNs = 100'000'000;  // at most

bool kernel_trusts_counter() noexcept {
  char name[16] = "";
  const int file = open("/sys/devices/system/clocksource/clocksource0/current_clocksource", O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  const ssize_t bytes = read(file, name, sizeof name - 1);
  close(file);
  return bytes > 0 && std::strncmp(name, "tsc", 3) == 0;
}

}  // namespace

std::uint64_t realtime_ns() noexcept {
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(now.tv_nsec);
}

std::uint64_t Clock::ask_kernel() noexcept {
  static const bool trusted = kernel_trusts_counter();
  const std::uint64_t now = realtime_ns(), ticks = __rdtsc();
  if (!trusted) return now;
  if (ticks_ != 0 && now - time_ns_ < kLearningNs && now >= time_ns_) return now;  // still learning
  const bool usable = ticks_ != 0 && now > time_ns_ && ticks > ticks_ && now - time_ns_ < (std::uint64_t{1} << 31);
  if (usable) {
    ns_per_tick_ = ((now - time_ns_) << 32) / (ticks - ticks_);
    const std::uint64_t valid_ns = std::min(kValidNs, 10 * (now - time_ns_));
    valid_ticks_ = ns_per_tick_ == 0 ? 0 : (valid_ns << 32) / ns_per_tick_;
  } else if (ns_per_tick_ == 0) {
    valid_ticks_ = 0;
  }
  ticks_ = ticks;
  time_ns_ = now;
  return now;
}

}  // namespace afterimage::os
