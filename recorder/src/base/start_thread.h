// The library's own threads. The program's signals are for the program's threads.
#pragma once
#include <signal.h>

#include <thread>
#include <utility>

namespace afterimage {

// Throws std::system_error when the machine has no thread to give: a limit on processes, or on addresses.
template <typename Run>
std::thread start_thread(Run&& run) {
  struct BlockedSignals {
    sigset_t before;
    BlockedSignals() noexcept {
      sigset_t all;
      sigfillset(&all);
      pthread_sigmask(SIG_SETMASK, &all, &before);
    }
    ~BlockedSignals() { pthread_sigmask(SIG_SETMASK, &before, nullptr); }
  };
  const BlockedSignals blocked;
  return std::thread(std::forward<Run>(run));
}

}  // namespace afterimage
