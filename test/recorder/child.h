// test/recorder/child.h: children that crash. They leave no core dump, and end with this process or after a minute, whatever they do.
#pragma once

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

template <typename Run>
pid_t start_child(Run&& run) {
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const rlimit none{};
    setrlimit(RLIMIT_CORE, &none);
    alarm(60);
    run();
    _exit(1);
  }
  return child;
}

// As waitpid() says it.
inline int status_of(pid_t child) {
  int status = 0;
  CHECK_EQUAL(waitpid(child, &status, 0), child);
  return status;
}
