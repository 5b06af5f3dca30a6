#include "replay/sandbox.h"

#include <linux/seccomp.h>
#include <linux/filter.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "afterimage/heap.h"
#include "base/bits.h"
#include "base/raw_syscall.h"
#include "replay/sandbox_filter.h"

namespace afterimage::replay {
namespace {

void (*g_on_trap)(const TrappedCall& call) = nullptr;
std::vector<os::AddressRange> g_system_code;

bool is_system_code(std::uintptr_t address) noexcept {
  for (const os::AddressRange& range : g_system_code)
    if (address - range.address < range.bytes) return true;
  return false;
}

// These would leave the handler in two processes, or on another stack.
bool must_not_be_made_here(long number) noexcept {
  return number == SYS_clone || number == SYS_clone3 || number == SYS_fork || number == SYS_vfork ||
         number == SYS_rt_sigreturn || number == SYS_execve || number == SYS_execveat;
}

// A call from past libc is made from here, where the filter decides about it like about any other. If it traps again, the
// inner handler answers.
void on_sigsys(int, siginfo_t* info, void* context) {
  auto& registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
  const OutsideScope outside;
  const int saved = errno;
  const long number = info->si_syscall;
  const auto site = reinterpret_cast<std::uintptr_t>(info->si_call_addr);
  const bool raw = !is_system_code(site);
  long result = -EPERM;
  const bool refused = !raw || must_not_be_made_here(number);
  g_on_trap({.number = number, .site = site, .raw = raw, .refused = refused});
  if (!refused)
    result = raw_syscall(number, registers[REG_RDI], registers[REG_RSI], registers[REG_RDX], registers[REG_R10],
                         registers[REG_R8], registers[REG_R9]);
  registers[REG_RAX] = result;
  errno = saved;
}

Status failed(const char* what) {
  return Status(errno, std::string("The replayed program runs without a sandbox: ") + what + ": " + std::strerror(errno) + ".");
}

constexpr std::uintptr_t kFourGiB = std::uintptr_t{1} << 32;  // the filter wants ranges that do not cross a multiple

std::vector<os::AddressRange> system_code() {
  std::vector<os::AddressRange> ranges;
  for (const os::Module& module : os::loaded_modules()) {
    const std::string name = module.path.substr(module.path.rfind('/') + 1);
    const bool trusted = module.kind == std::string_view("vdso") || module.kind == std::string_view("interp") ||
                         name.starts_with("libc.so") || name.starts_with("libafterimage.so");
    if (!trusted) continue;
    const std::uintptr_t end = module.base + module.bytes, cut = align_down(end - 1, kFourGiB);
    if (module.base < cut) ranges.push_back({module.base, cut - module.base});
    const std::uintptr_t begin = module.base < cut ? cut : module.base;
    ranges.push_back({begin, end - begin});
  }
  return ranges;
}

}  // namespace

Status enter_sandbox(void (*on_trap)(const TrappedCall& call)) {
  g_on_trap = on_trap;
  g_system_code = system_code();
  struct sigaction action {};
  action.sa_sigaction = on_sigsys;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  if (sigaction(SIGSYS, &action, nullptr) != 0) return failed("sigaction");
  std::vector<sock_filter> filter = sandbox_filter(g_system_code, static_cast<unsigned>(getpid()));
  const sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return failed("PR_SET_NO_NEW_PRIVS");
  const auto flags = SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_SPEC_ALLOW;
  if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program) != 0) return failed("seccomp");
  return {};
}

const char* system_call_name(long number) noexcept {
  switch (number) {
#define AFTERIMAGE_NAME(name) \
  case SYS_##name: return #name;
    AFTERIMAGE_NAME(open) AFTERIMAGE_NAME(openat) AFTERIMAGE_NAME(openat2) AFTERIMAGE_NAME(creat) AFTERIMAGE_NAME(write)
    AFTERIMAGE_NAME(writev) AFTERIMAGE_NAME(pwrite64) AFTERIMAGE_NAME(pwritev) AFTERIMAGE_NAME(unlink) AFTERIMAGE_NAME(unlinkat)
    AFTERIMAGE_NAME(rename) AFTERIMAGE_NAME(renameat) AFTERIMAGE_NAME(renameat2) AFTERIMAGE_NAME(mkdir) AFTERIMAGE_NAME(mkdirat)
    AFTERIMAGE_NAME(rmdir) AFTERIMAGE_NAME(link) AFTERIMAGE_NAME(linkat) AFTERIMAGE_NAME(symlink) AFTERIMAGE_NAME(symlinkat)
    AFTERIMAGE_NAME(truncate) AFTERIMAGE_NAME(ftruncate) AFTERIMAGE_NAME(chmod) AFTERIMAGE_NAME(fchmod) AFTERIMAGE_NAME(fchmodat)
    AFTERIMAGE_NAME(chown) AFTERIMAGE_NAME(fchown) AFTERIMAGE_NAME(mknod) AFTERIMAGE_NAME(mknodat) AFTERIMAGE_NAME(fsync)
    AFTERIMAGE_NAME(socket) AFTERIMAGE_NAME(socketpair) AFTERIMAGE_NAME(connect) AFTERIMAGE_NAME(bind) AFTERIMAGE_NAME(listen)
    AFTERIMAGE_NAME(accept) AFTERIMAGE_NAME(accept4) AFTERIMAGE_NAME(sendto) AFTERIMAGE_NAME(sendmsg) AFTERIMAGE_NAME(recvfrom)
    AFTERIMAGE_NAME(recvmsg) AFTERIMAGE_NAME(fork) AFTERIMAGE_NAME(vfork) AFTERIMAGE_NAME(clone) AFTERIMAGE_NAME(clone3)
    AFTERIMAGE_NAME(execve) AFTERIMAGE_NAME(execveat) AFTERIMAGE_NAME(kill) AFTERIMAGE_NAME(tkill) AFTERIMAGE_NAME(tgkill)
    AFTERIMAGE_NAME(ptrace) AFTERIMAGE_NAME(ioctl) AFTERIMAGE_NAME(getpid) AFTERIMAGE_NAME(gettid) AFTERIMAGE_NAME(getppid)
    AFTERIMAGE_NAME(getrandom) AFTERIMAGE_NAME(clock_gettime) AFTERIMAGE_NAME(time) AFTERIMAGE_NAME(gettimeofday)
    AFTERIMAGE_NAME(read) AFTERIMAGE_NAME(close) AFTERIMAGE_NAME(pread64) AFTERIMAGE_NAME(getcpu) AFTERIMAGE_NAME(nanosleep) AFTERIMAGE_NAME(futex)
    AFTERIMAGE_NAME(io_uring_setup) AFTERIMAGE_NAME(shmget) AFTERIMAGE_NAME(shmat) AFTERIMAGE_NAME(fallocate)
    AFTERIMAGE_NAME(sendfile) AFTERIMAGE_NAME(copy_file_range) AFTERIMAGE_NAME(splice) AFTERIMAGE_NAME(utimensat)
#undef AFTERIMAGE_NAME
    default: break;
  }
  static char text[32];
  std::snprintf(text, sizeof text, "system call %ld", number);
  return text;
}

}  // namespace afterimage::replay
