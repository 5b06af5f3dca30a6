#include "os/time_stamps.h"

#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <x86intrin.h>

#include "base/raw_syscall.h"

namespace afterimage::os {
namespace {

constexpr std::size_t kVdsoBytes = 8192;  // it reads the counter with the kernel's own corrections

std::uintptr_t instruction_of(const ucontext_t& context) noexcept {
  return static_cast<std::uintptr_t>(context.uc_mcontext.gregs[REG_RIP]);
}

bool is_rdtsc(const unsigned char* code) noexcept { return code[0] == 0x0F && code[1] == 0x31; }
bool is_rdtscp(const unsigned char* code) noexcept { return code[0] == 0x0F && code[1] == 0x01 && code[2] == 0xF9; }

}  // namespace

int trap_time_stamps(bool on) noexcept {
  return static_cast<int>(-raw_syscall(SYS_prctl, PR_SET_TSC, on ? PR_TSC_SIGSEGV : PR_TSC_ENABLE));
}

bool is_time_stamp_read(const ucontext_t& context) noexcept {
  const auto* const code = reinterpret_cast<const unsigned char*>(instruction_of(context));
  return is_rdtsc(code) || is_rdtscp(code);
}

bool is_in_vdso(std::uintptr_t address) noexcept { return address - getauxval(AT_SYSINFO_EHDR) < kVdsoBytes; }

void answer_time_stamp_read(ucontext_t& context, std::uint64_t value) noexcept {
  auto& registers = context.uc_mcontext.gregs;
  const bool rdtsc = is_rdtsc(reinterpret_cast<const unsigned char*>(instruction_of(context)));
  registers[REG_RAX] = static_cast<greg_t>(value & 0xFFFFFFFF);
  registers[REG_RDX] = static_cast<greg_t>(value >> 32);
  if (!rdtsc) registers[REG_RCX] = 0;
  registers[REG_RIP] += rdtsc ? 2 : 3;
}

std::uint64_t true_time_stamp() noexcept {
  trap_time_stamps(false);
  const std::uint64_t now = __rdtsc();
  trap_time_stamps(true);
  return now;
}

}  // namespace afterimage::os
