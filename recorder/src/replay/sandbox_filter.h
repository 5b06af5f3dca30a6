// The sandbox's rules as a program for the kernel (BPF): which system calls pass.
#pragma once
#include <linux/filter.h>

#include <vector>

#include "os/modules.h"

namespace afterimage::replay {

// `system_code`: where system calls may come from: libc, the loader, the vdso, this library; no range crosses a
// multiple of 4 GiB. `pid`: this process.
// Everything that does not pass traps (SIGSYS).
std::vector<sock_filter> sandbox_filter(const std::vector<os::AddressRange>& system_code, unsigned pid);

}  // namespace afterimage::replay
