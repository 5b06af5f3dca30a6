#include "replay/sandbox_filter.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <utility>

namespace afterimage::replay {
namespace {

// These concern this process only, or only look.
constexpr long kHarmless[] = {
    SYS_read, SYS_readv, SYS_pread64, SYS_preadv, SYS_preadv2, SYS_lseek, SYS_close, SYS_close_range, SYS_fstat,
    SYS_newfstatat, SYS_stat, SYS_lstat, SYS_statx, SYS_statfs, SYS_fstatfs, SYS_access, SYS_faccessat, SYS_faccessat2,
    SYS_readlink, SYS_readlinkat, SYS_getdents64, SYS_getcwd, SYS_chdir, SYS_fchdir, SYS_umask,
    SYS_mmap, SYS_munmap, SYS_mprotect, SYS_mremap, SYS_madvise, SYS_brk, SYS_mincore, SYS_mlock, SYS_munlock,
    SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_rt_sigpending, SYS_rt_sigtimedwait, SYS_rt_sigsuspend,
    SYS_sigaltstack, SYS_restart_syscall, SYS_pause,
    SYS_futex, SYS_futex_waitv, SYS_set_robust_list, SYS_get_robust_list, SYS_rseq, SYS_membarrier, SYS_set_tid_address,
    SYS_nanosleep, SYS_clock_nanosleep, SYS_clock_gettime, SYS_clock_getres, SYS_gettimeofday, SYS_time, SYS_times,
    SYS_getitimer, SYS_getrusage, SYS_getrlimit, SYS_sysinfo, SYS_uname, SYS_getrandom, SYS_getcpu,
    SYS_getpid, SYS_getppid, SYS_gettid, SYS_getuid, SYS_geteuid, SYS_getgid, SYS_getegid, SYS_getpgrp, SYS_getpgid,
    SYS_getsid, SYS_getgroups, SYS_getresuid, SYS_getresgid, SYS_getpriority, SYS_capget,
    SYS_sched_yield, SYS_sched_getaffinity, SYS_sched_getparam, SYS_sched_getscheduler,
    SYS_poll, SYS_ppoll, SYS_select, SYS_pselect6, SYS_epoll_create, SYS_epoll_create1, SYS_epoll_ctl, SYS_epoll_wait,
    SYS_epoll_pwait, SYS_eventfd2, SYS_pipe, SYS_pipe2, SYS_dup, SYS_dup2, SYS_dup3, SYS_fcntl, SYS_memfd_create,
    SYS_prctl, SYS_arch_prctl, SYS_wait4, SYS_exit, SYS_exit_group,
};

constexpr std::uint32_t kWriting = O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND | (O_TMPFILE & ~O_DIRECTORY);

constexpr std::uint32_t low(std::uint64_t value) { return static_cast<std::uint32_t>(value); }
constexpr std::uint32_t high(std::uint64_t value) { return static_cast<std::uint32_t>(value >> 32); }

class Program {
 public:
  void load(std::size_t offset) { add(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset)); }
  void load_argument(int index) { load(offsetof(seccomp_data, args) + 8 * static_cast<std::size_t>(index)); }
  void give(std::uint32_t answer) { add(BPF_RET | BPF_K, answer); }
  void allow() { give(SECCOMP_RET_ALLOW); }
  void trap() { give(SECCOMP_RET_TRAP); }
  // Skips the next `count` instructions unless the loaded value is `value`, and so on.
  void unless_equal(std::uint32_t value, std::uint8_t count) { add(BPF_JMP | BPF_JEQ | BPF_K, value, 0, count); }
  void if_above(std::uint32_t value, std::uint8_t count) { add(BPF_JMP | BPF_JGT | BPF_K, value, count, 0); }
  void unless_at_least(std::uint32_t value, std::uint8_t count) { add(BPF_JMP | BPF_JGE | BPF_K, value, 0, count); }
  void unless_bits(std::uint32_t bits, std::uint8_t count) { add(BPF_JMP | BPF_JSET | BPF_K, bits, 0, count); }

  // `call` passes if its argument is one of the values.
  void allow_with(long call, int argument, std::initializer_list<std::uint32_t> values) {
    unless_equal(static_cast<std::uint32_t>(call), static_cast<std::uint8_t>(2 * values.size() + 2));
    load_argument(argument);
    for (const std::uint32_t value : values) {
      unless_equal(value, 1);
      allow();
    }
    trap();
  }
  // `call` passes if its argument has none of the bits.
  void allow_without(long call, int argument, std::uint32_t bits) {
    unless_equal(static_cast<std::uint32_t>(call), 4);
    load_argument(argument);
    unless_bits(bits, 1);
    trap();
    allow();
  }

  std::vector<sock_filter> take() { return std::move(instructions_); }

 private:
  void add(int code, std::uint32_t value, std::uint8_t if_true = 0, std::uint8_t if_false = 0) {
    instructions_.push_back({static_cast<std::uint16_t>(code), if_true, if_false, value});
  }
  std::vector<sock_filter> instructions_;
};

// Traps what does not come from system code. The instructions compare 32 bits: no range crosses a multiple of 4 GiB.
void check_origin(Program& program, const std::vector<os::AddressRange>& system_code) {
  // Each range is six instructions; when it fits, the last one jumps over those of the ranges behind it and the trap.
  constexpr std::size_t kEach = 6;
  for (std::size_t i = 0; i < system_code.size(); ++i) {
    const std::uint64_t begin = system_code[i].address, last = begin + system_code[i].bytes - 1;
    const std::size_t behind = (system_code.size() - i - 1) * kEach + 1;
    program.load(offsetof(seccomp_data, instruction_pointer) + 4);
    program.unless_equal(high(begin), kEach - 2);
    program.load(offsetof(seccomp_data, instruction_pointer));
    program.unless_at_least(low(begin), kEach - 4);
    program.if_above(low(last), 1);
    program.unless_bits(0, static_cast<std::uint8_t>(behind));  // no bits: always goes there
  }
  program.trap();
}

}  // namespace

std::vector<sock_filter> sandbox_filter(const std::vector<os::AddressRange>& system_code, unsigned pid) {
  Program program;
  program.load(offsetof(seccomp_data, arch));
  program.unless_equal(AUDIT_ARCH_X86_64, 1);
  program.unless_bits(0, 1);
  program.give(SECCOMP_RET_KILL_PROCESS);
  check_origin(program, system_code);
  program.load(offsetof(seccomp_data, nr));
  for (const long call : kHarmless) {
    program.unless_equal(static_cast<std::uint32_t>(call), 1);
    program.allow();
  }
  for (const long call : {SYS_write, SYS_writev}) program.allow_with(call, 0, {1, 2, 4});  // 4: reports
  program.allow_without(SYS_open, 1, kWriting);
  program.allow_without(SYS_openat, 2, kWriting);
  for (const long call : {SYS_kill, SYS_tgkill}) program.allow_with(call, 0, {pid});
  program.allow_with(SYS_prlimit64, 0, {0, pid});
  constexpr std::uint32_t kPagemapScan = 0xC0606610;  // this and the next two: which of our own pages were written
  program.allow_with(SYS_ioctl, 1, {TCGETS, FIONREAD, TIOCGWINSZ, kPagemapScan, low(UFFDIO_REGISTER), low(UFFDIO_WRITEPROTECT)});
  // Threads may be started. posix_spawn() has blocked all signals, so that a trap would kill the replayer.
  program.unless_equal(SYS_clone, 6);
  program.load_argument(0);
  program.unless_bits(CLONE_THREAD, 1);
  program.allow();
  program.unless_bits(CLONE_VFORK, 1);
  program.give(SECCOMP_RET_ERRNO | EPERM);
  program.trap();
  // Its flags are in memory, where a filter cannot look. libc then uses clone.
  program.unless_equal(SYS_clone3, 1);
  program.give(SECCOMP_RET_ERRNO | ENOSYS);
  program.trap();
  return program.take();
}

}  // namespace afterimage::replay
