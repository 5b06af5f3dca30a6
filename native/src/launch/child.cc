#include "child.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <string_view>

#include "errors.h"
#include "replay_handle.h"

namespace afterimage::launch {

namespace {

// Exit statuses of a child that failed before it was the program: errno, with the failed step in the upper half.
constexpr int exec_failed = 0;
constexpr int trace_failed = 128;
constexpr int error_mask = 127;

std::atomic<pid_t> current_child{0};
std::atomic<int> received_signal{0};
static_assert(std::atomic<pid_t>::is_always_lock_free, "used in a signal handler");

void on_ending_signal(int number) {
  received_signal = number;
  if (const pid_t child = current_child; child > 0) kill(child, SIGKILL);
}

sigset_t ending_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, number);
  return set;
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (const auto& one : texts) result.push_back(const_cast<char*>(one.c_str()));
  result.push_back(nullptr);
  return result;
}

bool begins_with(const char* entry, std::string_view name) { return std::string_view(entry).starts_with(name); }

std::string padded_library_path(std::size_t padding) {
  const char* path = getenv("LD_LIBRARY_PATH");
  const bool empty = path == nullptr || *path == '\0';
  return text("LD_LIBRARY_PATH=", empty ? "" : path, empty ? "" : ":", "/", std::string(padding, '-'));
}

std::vector<std::string> child_environment(const Command& command) {
  const bool pad = command.library_path_padding > 0;
  std::vector<std::string> result{command.replay_variable};
  if (pad) result.push_back(padded_library_path(command.library_path_padding));
  for (char** entry = environ; *entry != nullptr; entry++) {
    const bool replaced = begins_with(*entry, replay_variable) || (pad && begins_with(*entry, "LD_LIBRARY_PATH="));
    if (!replaced) result.emplace_back(*entry);
  }
  return result;
}

[[noreturn]] void run_child(char** arguments, char** environment, int input, const sigset_t& mask, pid_t launcher) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != launcher) _exit(0);  // it was gone before we asked to be told
  if (input == STDIN_FILENO) fcntl(input, F_SETFD, 0);  // ours was closed; the program's must survive exec
  else dup2(input, STDIN_FILENO);
  if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) _exit(trace_failed | errno);
  sigprocmask(SIG_SETMASK, &mask, nullptr);
  raise(SIGSTOP);
  execve(arguments[0], arguments, environment);
  _exit(exec_failed | errno);
}

int open_input(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) throw LaunchError(ExitCode::usage, "input ", path, " cannot be opened: ", error_text(errno), ".");
  return fd;
}

// Strings are made before the fork: the child only makes system calls.
pid_t fork_child(const Command& command, int input) {
  const auto environment_texts = child_environment(command);
  auto environment = pointers(environment_texts);
  auto arguments = pointers(command.arguments);
  const auto blocked = ending_signals();
  sigset_t before;
  sigprocmask(SIG_BLOCK, &blocked, &before);  // no signal between fork and knowing the child
  const pid_t launcher = getpid();
  const pid_t pid = fork();
  const int error = errno;
  if (pid == 0) run_child(arguments.data(), environment.data(), input, before, launcher);
  current_child = pid;
  sigprocmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) throw LaunchError(ExitCode::not_permitted, "no process could be started: ", error_text(error), ".");
  return pid;
}

int wait_status(pid_t pid, int options) {
  int status = 0;
  while (waitpid(pid, &status, options) < 0) {
    if (errno != EINTR) throw LaunchError(ExitCode::ended_early, "process ", pid, " is lost: ", error_text(errno), ".");
  }
  return status;
}

}  // namespace

pid_t start_stopped(const Command& command) {
  const int input = open_input(command.input);
  const pid_t pid = fork_child(command, input);
  close(input);
  const int status = wait_status(pid, __WALL);
  if (WIFSTOPPED(status)) return pid;
  current_child = 0;
  if (WIFEXITED(status)) fail_not_started(command, WEXITSTATUS(status));
  throw LaunchError(ExitCode::ended_early, "the process was killed before it became ", command.arguments[0], ".");
}

void fail_not_started(const Command& command, int exit_status) {
  const auto reason = error_text(exit_status & error_mask);
  if (exit_status & trace_failed) {
    throw LaunchError(ExitCode::not_permitted, "ptrace is not permitted here (", reason,
                      "); allow it for this user or container (kernel.yama.ptrace_scope below 3, or --cap-add SYS_PTRACE).");
  }
  throw LaunchError(ExitCode::no_program, command.arguments[0], " cannot be executed: ", reason, ".");
}

void end_child_on_signals() {
  struct sigaction action {};
  action.sa_handler = on_ending_signal;
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaction(number, &action, nullptr);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
}

int ending_signal() noexcept { return received_signal; }

int wait_for_exit(pid_t pid) {
  const int status = wait_status(pid, 0);
  current_child = 0;
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace afterimage::launch
