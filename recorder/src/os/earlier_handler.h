// os/earlier_handler.h: the handler that a signal had before ours, and which is to notice nothing of us.
//
// The kernel does more than call a handler. While it runs, sa_mask is blocked, and so is the signal, but not with SA_NODEFER; with
// SA_RESETHAND it is called once, and from then on the default action is taken. Handlers rely on that: one that prints and
// returns ends the program by the fault that happens again, one that raises the signal again ends it when it returns.
//
// SA_RESETHAND is done here and not by the kernel: our own handler may still be needed.
#pragma once
#include <signal.h>

#include <atomic>

namespace afterimage::os {

class EarlierHandler {
 public:
  // What sigaction() has found.
  void set(const struct sigaction& action) noexcept;
  // The last act of our own handler, which has an empty sa_mask and no SA_NODEFER. Comes back only if that handler returns.
  void pass_on(int signal, siginfo_t* info, void* context) noexcept;

 private:
  struct sigaction action_{};
  std::atomic<bool> is_spent_ = false;  // called once, with SA_RESETHAND
};

}  // namespace afterimage::os
