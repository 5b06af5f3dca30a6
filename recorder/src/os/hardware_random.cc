#include "os/hardware_random.h"

#include <link.h>

#include <algorithm>
#include <span>

#include "os/symbols.h"

namespace afterimage::os {
namespace {

using Code = std::span<const unsigned char>;

constexpr std::size_t kInstructionBytes = 3;
constexpr std::size_t kReach = 24;  // within which a compiler looks at the flag that says whether there was a number

bool looks_at_carry(Code code) {
  for (std::size_t i = 0; i + 1 < code.size(); ++i) {
    const bool jumps = code[i] == 0x72 || code[i] == 0x73;
    const bool sets_moves_or_jumps_far = code[i] == 0x0F && (code[i + 1] & 0x0E) == 2 &&
                                         ((code[i + 1] & 0xF0) == 0x90 || (code[i + 1] & 0xF0) == 0x40 || (code[i + 1] & 0xF0) == 0x80);
    if (jumps || sets_moves_or_jumps_far) return true;
  }
  return false;
}

// 0F C7 /6 and /7 on a register; with F3 before it, it would be rdpid.
std::uintptr_t find_in(Code code) {
  for (std::size_t i = 1; i + kInstructionBytes <= code.size(); ++i) {
    if (code[i] != 0x0F || code[i + 1] != 0xC7 || code[i + 2] < 0xF0 || code[i - 1] == 0xF3) continue;
    const Code behind = code.subspan(i + kInstructionBytes);
    if (looks_at_carry(behind.first(std::min(kReach, behind.size())))) return reinterpret_cast<std::uintptr_t>(behind.data());
  }
  return 0;
}

int look_at_module(dl_phdr_info* module, std::size_t, void* context) {
  auto& found = *static_cast<std::uintptr_t*>(context);
  if (is_system_library(module->dlpi_name)) return 0;
  for (int i = 0; i < module->dlpi_phnum && found == 0; ++i) {
    const auto& segment = module->dlpi_phdr[i];
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_X) == 0) continue;
    found = find_in({reinterpret_cast<const unsigned char*>(module->dlpi_addr + segment.p_vaddr), segment.p_memsz});
  }
  return found != 0 ? 1 : 0;
}

}  // namespace

std::uintptr_t find_hardware_random() noexcept {
  std::uintptr_t found = 0;
  dl_iterate_phdr(look_at_module, &found);
  return found;
}

}  // namespace afterimage::os
