#include "system_calls.h"

#include <errno.h>
#include <linux/prctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "base/hash.h"
#include "base/raw_syscall.h"
#include "code.h"
#include "event.h"
#include "findings.h"
#include "globals.h"
#include "os/time_stamps.h"
#include "signals.h"
#include "waits.h"

#if !defined(PR_SET_SYSCALL_USER_DISPATCH)
#define PR_SET_SYSCALL_USER_DISPATCH 59
#define PR_SYS_DISPATCH_ON 1
#endif

namespace afterimage::check {
namespace {

constexpr char kLetPass = 0, kReport = 1;  // SYSCALL_DISPATCH_FILTER_ALLOW, ..._BLOCK: the kernel reads it
__attribute__((tls_model("initial-exec"))) thread_local volatile char t_selector = kLetPass;
__attribute__((tls_model("initial-exec"))) thread_local int t_prepared = -1;
__attribute__((tls_model("initial-exec"))) thread_local bool t_off = false;  // until the event ends

constexpr std::size_t kReturnCodeBytes = 16;

// Of these a replay needs no record: they concern memory, signals and scheduling of this process only.
bool is_harmless(long number) noexcept {
  switch (number) {
    case SYS_futex: case SYS_brk: case SYS_munmap: case SYS_madvise: case SYS_mprotect: case SYS_exit: case SYS_exit_group:
    case SYS_rt_sigprocmask: case SYS_rt_sigaction: case SYS_sigaltstack: case SYS_sched_yield: case SYS_membarrier:
    case SYS_set_robust_list: case SYS_rseq: case SYS_restart_syscall: case SYS_mlock: case SYS_munlock:
    case SYS_gettid: case SYS_tgkill: case SYS_getpid:  // raise() and abort() inside of libc
      return true;
    default: return false;
  }
}

// Their child or successor would come to life inside the handler.
bool must_be_made_by_program(long number) noexcept {
  return number == SYS_clone || number == SYS_clone3 || number == SYS_fork || number == SYS_vfork;
}

// The mask of the interrupted code is in `context`; ours is restored from there on return.
long change_mask(const long* arguments, ucontext_t& context) noexcept {
  constexpr long kBytes = 8;
  auto& mask = *reinterpret_cast<std::uint64_t*>(&context.uc_sigmask);
  if (arguments[3] != kBytes) return -EINVAL;
  const auto* const set = reinterpret_cast<const std::uint64_t*>(arguments[1]);
  const std::uint64_t given = set != nullptr ? *set : 0, previous = mask;
  if (auto* const old = reinterpret_cast<std::uint64_t*>(arguments[2]); old != nullptr) *old = previous;
  if (set == nullptr) return 0;
  if (arguments[0] == SIG_BLOCK) mask |= given;
  else if (arguments[0] == SIG_UNBLOCK) mask &= ~given;
  else mask = given;
  unblock_ours(context.uc_sigmask);
  return 0;
}

// What the call means for a replay; nothing when `kind` stays as it is.
void classify(const SystemCall& call, bool recorded, Finding& finding) noexcept {
  if (const std::optional<Wait> wait = may_wait(call)) {
    if (recorded && call.number == SYS_futex) return;  // a lock of the recorder's
    finding.kind = Kind::waits;
    finding.extra[0] = static_cast<std::uint64_t>(*wait);
  } else if (!recorded && !is_harmless(call.number) && current_heap() != nullptr) {
    finding.kind = Kind::system_call;
  }
}

void judge(const SystemCall& call, const Event& event, const CallStack& stack) noexcept {
  const Code caller = caller_past_libc(stack);
  if (caller == Code::none) return;  // libc's code for starting processes has no way back to its caller
  const bool recorded = caller == Code::recorder || caller == Code::check;
  if (recorded && current_heap() == nullptr) return;  // for the recorder itself
  Finding finding = new_finding(Kind{}, event.reactor, event.number);
  finding.detail = static_cast<std::uint32_t>(call.number);
  finding.extra[1] = recorded;
  finding.extra[2] = code_at(stack.frames[0]) != Code::libc;
  classify(call, recorded, finding);
  if (finding.kind != Kind{})
    note(stack.hash(hash_mix(event.reactor, finding.detail) + static_cast<std::uint64_t>(finding.kind)), finding, stack);
}

}  // namespace

Pause::Pause() noexcept : previous_(t_selector) { t_selector = kLetPass; }
Pause::~Pause() { t_selector = t_off ? kLetPass : previous_; }

int watch_system_calls_of_this_thread() noexcept {
  if (t_prepared >= 0) return t_prepared;
  const long result = raw_syscall(SYS_prctl, PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON,
                                  reinterpret_cast<long>(signal_return_code()), kReturnCodeBytes, reinterpret_cast<long>(&t_selector));
  return t_prepared = static_cast<int>(-result);
}

void watch_system_calls(bool on) noexcept {
  t_off = false;
  if (t_prepared == 0) t_selector = on ? kReport : kLetPass;
}

bool on_system_call(const siginfo_t& info, ucontext_t& context) noexcept {
  constexpr int kUserDispatch = 2;  // SYS_USER_DISPATCH
  if (info.si_code != kUserDispatch) return false;
  auto& registers = context.uc_mcontext.gregs;
  const SystemCall call{info.si_syscall, {registers[REG_RDI], registers[REG_RSI], registers[REG_RDX], registers[REG_R10],
                                          registers[REG_R8], registers[REG_R9]}};
  const long* const a = call.arguments;
  if (const Event* const event = current_event())
    judge(call, *event, stack_from(static_cast<std::uintptr_t>(registers[REG_RIP])));
  if (must_be_made_by_program(call.number)) {
    t_off = true;
    os::trap_time_stamps(false);  // the child would inherit it
    registers[REG_RIP] -= 2;
    registers[REG_RAX] = call.number;
    return true;
  }
  if (call.number == SYS_rt_sigprocmask) {
    registers[REG_RAX] = change_mask(a, context);
    return true;
  }
  const OpenGlobals open;  // the kernel writes where the program could
  registers[REG_RAX] = raw_syscall(call.number, a[0], a[1], a[2], a[3], a[4], a[5]);
  return true;
}

}  // namespace afterimage::check
