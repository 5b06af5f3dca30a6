#include "replay/time_stamps.h"

#include "os/time_stamps.h"

namespace afterimage::replay {
namespace {

constexpr std::uint64_t kCyclesPerEvent = std::uint64_t{1} << 24, kCyclesPerRead = 1000;

std::uint64_t g_event = ~std::uint64_t{0}, g_reads = 0;

std::uint64_t replayed_time_stamp(std::uint64_t event) noexcept {
  if (g_event != event) g_reads = 0;
  g_event = event;
  return (event + 1) * kCyclesPerEvent + ++g_reads * kCyclesPerRead;
}

}  // namespace

bool trap_time_stamps() noexcept { return os::trap_time_stamps(true) == 0; }

void forget_time_stamps() noexcept { g_event = ~std::uint64_t{0}; }

TimeStampRead emulate_time_stamp(ucontext_t& context, bool in_react, std::uint64_t event) noexcept {
  const auto site = static_cast<std::uintptr_t>(context.uc_mcontext.gregs[REG_RIP]);
  if (!os::is_time_stamp_read(context)) return {false, site};
  os::answer_time_stamp_read(context, in_react && !os::is_in_vdso(site) ? replayed_time_stamp(event) : os::true_time_stamp());
  return {true, site};
}

}  // namespace afterimage::replay
