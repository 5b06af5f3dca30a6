#include "signals.h"

#include <errno.h>
#include <sys/syscall.h>

#include <cstring>

#include "base/raw_syscall.h"
#include "event.h"
#include "inputs/real.h"

namespace afterimage::check {
namespace {

using inputs::RealFunction;
constinit RealFunction g_sigaction{"sigaction"}, g_sigprocmask{"sigprocmask"}, g_pthread_sigmask{"pthread_sigmask"};

struct Ours {
  int signal;
  SignalHandler handler;
  struct sigaction passed_on;  // what the program wants
};
Ours g_ours[] = {{SIGSEGV, nullptr, {}}, {SIGTRAP, nullptr, {}}, {SIGSYS, nullptr, {}}};

Ours* ours(int signal) noexcept {
  for (Ours& entry : g_ours)
    if (entry.signal == signal) return &entry;
  return nullptr;
}

int real_sigaction(int signal, const struct sigaction* action, struct sigaction* previous) noexcept {
  return reinterpret_cast<decltype(&sigaction)>(g_sigaction.address())(signal, action, previous);
}

// As if we were not there. Without a handler the program ends by the same fault, after the return.
void pass_on(const Ours& entry, siginfo_t* info, void* context) noexcept {
  const struct sigaction& action = entry.passed_on;
  if ((action.sa_flags & SA_SIGINFO) != 0) return action.sa_sigaction(entry.signal, info, context);
  if (action.sa_handler == SIG_IGN && info->si_code <= 0) return;
  if (action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN) return action.sa_handler(entry.signal);
  struct sigaction deadly {};
  deadly.sa_handler = SIG_DFL;
  real_sigaction(entry.signal, &deadly, nullptr);
  if (info->si_code <= 0)  // sent: it does not happen again by itself
    raw_syscall(SYS_tgkill, raw_syscall(SYS_getpid), raw_syscall(SYS_gettid), entry.signal);
}

void on_signal(int signal, siginfo_t* info, void* context) noexcept {
  const Pause pause;
  const int saved = errno;
  const Ours& entry = *ours(signal);
  if (!entry.handler(*info, *static_cast<ucontext_t*>(context))) pass_on(entry, info, context);
  errno = saved;
}

template <typename Real>
int with_our_signals_open(RealFunction& real, int how, const sigset_t* set, sigset_t* previous) noexcept {
  auto* const function = reinterpret_cast<Real>(real.address());
  if (set == nullptr || how == SIG_UNBLOCK) return function(how, set, previous);
  sigset_t open = *set;
  unblock_ours(open);
  return function(how, &open, previous);
}

}  // namespace

void take_signals(SignalHandler on_segv, SignalHandler on_trap, SignalHandler on_sys) noexcept {
  const SignalHandler handlers[] = {on_segv, on_trap, on_sys};
  for (int i = 0; i < 3; ++i) {
    struct sigaction action {};
    action.sa_sigaction = on_signal;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    g_ours[i].handler = handlers[i];
    real_sigaction(g_ours[i].signal, &action, &g_ours[i].passed_on);
  }
}

void* signal_return_code() noexcept {
  struct KernelAction {
    void* handler;
    unsigned long flags;
    void* restorer;
    std::uint64_t mask;
  } action{};
  raw_syscall(SYS_rt_sigaction, SIGSYS, 0, reinterpret_cast<long>(&action), sizeof action.mask);
  return action.restorer;
}

void unblock_ours(sigset_t& set) noexcept {
  for (const Ours& entry : g_ours) sigdelset(&set, entry.signal);
}

}  // namespace afterimage::check

using namespace afterimage::check;

extern "C" __attribute__((visibility("default"))) int sigaction(int signal, const struct sigaction* action,
                                                                 struct sigaction* previous) noexcept {
  Ours* const entry = ours(signal);
  if (entry == nullptr || entry->handler == nullptr) return real_sigaction(signal, action, previous);
  if (previous != nullptr) *previous = entry->passed_on;
  if (action != nullptr) entry->passed_on = *action;
  return 0;
}

extern "C" __attribute__((visibility("default"))) sighandler_t signal(int number, sighandler_t handler) noexcept {
  struct sigaction action {}, previous {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  return sigaction(number, &action, &previous) == 0 ? previous.sa_handler : SIG_ERR;
}

extern "C" __attribute__((visibility("default"))) int sigprocmask(int how, const sigset_t* set, sigset_t* previous) noexcept {
  return with_our_signals_open<decltype(&sigprocmask)>(g_sigprocmask, how, set, previous);
}
extern "C" __attribute__((visibility("default"))) int pthread_sigmask(int how, const sigset_t* set, sigset_t* previous) noexcept {
  return with_our_signals_open<decltype(&pthread_sigmask)>(g_pthread_sigmask, how, set, previous);
}
