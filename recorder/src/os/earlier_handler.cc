#include "os/earlier_handler.h"

#include <sys/syscall.h>
#include <unistd.h>

namespace afterimage::os {
namespace {

bool was_sent(const siginfo_t& info) noexcept { return info.si_code <= 0; }

// As if we had never been here: a fault happens again on return, and ends the program with the same core dump; a signal that
// was sent must be sent again.
void take_default(int signal, const siginfo_t& info) noexcept {
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  sigaction(signal, &action, nullptr);
  if (was_sent(info)) syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), signal);
}

// Until our handler returns: then the thread has the mask that it had before. Who jumps out of it restores a mask, or none.
void mask_as_for(const struct sigaction& action, int signal) noexcept {
  pthread_sigmask(SIG_BLOCK, &action.sa_mask, nullptr);
  if ((action.sa_flags & SA_NODEFER) == 0 || sigismember(&action.sa_mask, signal) == 1) return;
  sigset_t only;
  sigemptyset(&only);
  sigaddset(&only, signal);
  pthread_sigmask(SIG_UNBLOCK, &only, nullptr);
}

}  // namespace

void EarlierHandler::set(const struct sigaction& action) noexcept {
  action_ = action;
  is_spent_ = false;
}

void EarlierHandler::pass_on(int signal, siginfo_t* info, void* context) noexcept {
  if (action_.sa_handler == SIG_IGN && was_sent(*info)) return;
  if (action_.sa_handler == SIG_DFL || action_.sa_handler == SIG_IGN) return take_default(signal, *info);
  const bool only_once = (static_cast<unsigned>(action_.sa_flags) & SA_RESETHAND) != 0;
  if (only_once && is_spent_.exchange(true)) return take_default(signal, *info);
  mask_as_for(action_, signal);
  if ((action_.sa_flags & SA_SIGINFO) != 0) return action_.sa_sigaction(signal, info, context);
  action_.sa_handler(signal);
}

}  // namespace afterimage::os
