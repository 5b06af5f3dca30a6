// test/recorder/kills.h: children that are killed at random moments, and what they leave.
#pragma once

#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "check.h"
#include "temporary_directory.h"

// How often a test repeats itself: the environment says, `npm test` takes the small number.
inline std::uint64_t repetitions(const char* variable, std::uint64_t otherwise) {
  const char* const wanted = std::getenv(variable);
  return wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : otherwise;
}

// Other moments in every run; said, so that a run can be repeated with AFTERIMAGE_SEED.
inline std::uint64_t random_seed() {
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  const std::uint64_t seed = repetitions("AFTERIMAGE_SEED", static_cast<std::uint64_t>(now.tv_nsec) | 1);
  std::printf("AFTERIMAGE_SEED=%llu\n", static_cast<unsigned long long>(seed));
  return seed;
}

// Runs `work`, which does not end, in a child that is killed when `due`; and when this process dies.
template <typename Work, typename Due>
void kill_child(Work&& work, Due&& due) {
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    work();
    _exit(1);
  }
  int status = 0;
  while (!due() && waitpid(child, &status, WNOHANG) == 0) sched_yield();
  kill(child, SIGKILL);
  CHECK_EQUAL(waitpid(child, &status, 0), child);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}
