// The child process of the launcher: started stopped and traced, and ended together with us.
//
// It never outlives the launcher: killed, the launcher takes it along (PTRACE_O_EXITKILL while traced, PR_SET_PDEATHSIG
// always); asked to end by SIGTERM, SIGINT or SIGHUP, it kills the child first and then reaps it.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace afterimage::launch {

struct Command {
  std::vector<std::string> arguments;     // [0] is the program
  std::string input = "/dev/null";        // becomes stdin
  std::string replay_variable;            // NAME=VALUE, in the child's environment only
  std::size_t library_path_padding = 0;  // see main_tls.h
};

// The child has raised SIGSTOP and will exec when resumed. Throws LaunchError.
pid_t start_stopped(const Command& command);

// What start_stopped()'s child says when it ends instead of becoming the program.
[[noreturn]] void fail_not_started(const Command& command, int exit_status);

// From now on SIGTERM, SIGINT and SIGHUP end the child. The launcher itself ends with its parent.
void end_child_on_signals();
int ending_signal() noexcept;  // the signal that was received, 0: none

// Waits for an untraced child; its exit code, or 128 + the signal that killed it.
int wait_for_exit(pid_t pid);

}  // namespace afterimage::launch
