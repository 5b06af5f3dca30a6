#include "replay/time_stamps.h"

#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <x86intrin.h>

#include "base/raw_syscall.h"
#include "os/modules.h"

namespace afterimage::replay {
namespace {

constexpr std::uint64_t kCyclesPerEvent = std::uint64_t{1} << 24, kCyclesPerRead = 1000;
constexpr std::size_t kVdsoBytes = 8192;  // it reads the counter with the kernel's own corrections

std::uint64_t g_event = ~std::uint64_t{0}, g_reads = 0;

std::uint64_t true_time_stamp() noexcept {
  raw_syscall(SYS_prctl, PR_SET_TSC, PR_TSC_ENABLE);
  const std::uint64_t now = __rdtsc();
  raw_syscall(SYS_prctl, PR_SET_TSC, PR_TSC_SIGSEGV);
  return now;
}

std::uint64_t replayed_time_stamp(std::uint64_t event) noexcept {
  if (g_event != event) g_reads = 0;
  g_event = event;
  return (event + 1) * kCyclesPerEvent + ++g_reads * kCyclesPerRead;
}

}  // namespace

bool trap_time_stamps() noexcept { return prctl(PR_SET_TSC, PR_TSC_SIGSEGV, 0, 0, 0) == 0; }

TimeStampRead emulate_time_stamp(ucontext_t& context, bool in_react, std::uint64_t event) noexcept {
  auto& registers = context.uc_mcontext.gregs;
  const auto site = static_cast<std::uintptr_t>(registers[REG_RIP]);
  const auto* const code = reinterpret_cast<const unsigned char*>(site);
  const bool rdtsc = code[0] == 0x0F && code[1] == 0x31;
  const bool rdtscp = code[0] == 0x0F && code[1] == 0x01 && code[2] == 0xF9;
  if (!rdtsc && !rdtscp) return {false, site};
  const bool in_vdso = site - getauxval(AT_SYSINFO_EHDR) < kVdsoBytes;
  const std::uint64_t value = in_react && !in_vdso ? replayed_time_stamp(event) : true_time_stamp();
  registers[REG_RAX] = static_cast<greg_t>(value & 0xFFFFFFFF);
  registers[REG_RDX] = static_cast<greg_t>(value >> 32);
  if (rdtscp) registers[REG_RCX] = 0;
  registers[REG_RIP] += rdtsc ? 2 : 3;
  return {true, site};
}

}  // namespace afterimage::replay
