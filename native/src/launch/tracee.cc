#include "tracee.h"

#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace afterimage::launch {

namespace {

// A system call stop is marked by the high bit of SIGTRAP (PTRACE_O_TRACESYSGOOD).
constexpr int syscall_trap = SIGTRAP | 0x80;

template <typename Data>
void trace(__ptrace_request request, pid_t pid, Address address, Data data, const char* purpose) {
  if (ptrace(request, pid, address, data) == 0) return;
  throw LaunchError(ExitCode::not_permitted, "ptrace could not ", purpose, " (process ", pid,
                    "): ", error_text(errno), ".");
}

int wait_status(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, __WALL) < 0) {
    if (errno != EINTR) throw LaunchError(ExitCode::ended_early, "process ", pid, " is lost: ", error_text(errno), ".");
  }
  return status;
}

}  // namespace

Tracee::Tracee(pid_t pid) : pid_(pid) {
  const auto options = PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL;
  trace(PTRACE_SETOPTIONS, pid_, 0, options, "set its options");
}

Tracee::~Tracee() {
  if (ended_) return;
  kill(pid_, SIGKILL);
  while (waitpid(pid_, nullptr, __WALL) < 0 && errno == EINTR) {
  }
}

Stop Tracee::resume(int deliver_signal) {
  trace(PTRACE_SYSCALL, pid_, 0, deliver_signal, "resume the program");
  return wait_for_stop();
}

Stop Tracee::wait_for_stop() {
  const int status = wait_status(pid_);
  ended_ = WIFEXITED(status) || WIFSIGNALED(status);
  if (WIFEXITED(status)) return {Stop::Kind::exited, WEXITSTATUS(status)};
  if (WIFSIGNALED(status)) return {Stop::Kind::killed, WTERMSIG(status)};
  if (status >> 8 == (SIGTRAP | PTRACE_EVENT_EXEC << 8)) return {Stop::Kind::exec, 0};
  const int signal_number = WSTOPSIG(status);
  return {signal_number == syscall_trap ? Stop::Kind::syscall : Stop::Kind::signal, signal_number};
}

Registers Tracee::registers() const {
  Registers registers{};
  trace(PTRACE_GETREGS, pid_, 0, &registers, "read the registers");
  return registers;
}

void Tracee::set_registers(const Registers& registers) {
  trace(PTRACE_SETREGS, pid_, 0, &registers, "set the registers");
}

// /proc/PID/mem rather than process_vm_readv: some sandboxes forbid that, and it cannot write read-only pages.
// It belongs to one address space, so it is opened anew each time: an exec would leave us with the old one.
void Tracee::transfer(Address address, void* data, std::size_t bytes, bool writing) const {
  const auto path = text("/proc/", pid_, "/mem");
  const int fd = open(path.c_str(), O_RDWR | O_CLOEXEC);
  const auto at = static_cast<off_t>(address);
  const ssize_t done = fd < 0 ? -1 : writing ? pwrite(fd, data, bytes, at) : pread(fd, data, bytes, at);
  const int error = errno;
  if (fd >= 0) close(fd);
  if (done == static_cast<ssize_t>(bytes)) return;
  throw LaunchError(ExitCode::not_permitted, "the program's memory at ", hex(address), " could not be ",
                    writing ? "written" : "read", " through ", path, ": ", error_text(error), ".");
}

void Tracee::read(Address address, void* out, std::size_t bytes) const { transfer(address, out, bytes, false); }

void Tracee::write(Address address, const void* data, std::size_t bytes) {
  transfer(address, const_cast<void*>(data), bytes, true);
}

long Tracee::call(long number, Address a, Address b, Address c, Address d, Address e, Address f) {
  const Registers saved = registers();
  Registers registers_of_call = saved;
  registers_of_call.rip = syscall_instruction_;
  registers_of_call.rax = static_cast<Address>(number);
  registers_of_call.orig_rax = ~Address{0};  // else the kernel might restart the interrupted call
  registers_of_call.rdi = a;
  registers_of_call.rsi = b;
  registers_of_call.rdx = c;
  registers_of_call.r10 = d;
  registers_of_call.r8 = e;
  registers_of_call.r9 = f;
  set_registers(registers_of_call);
  step_over_call();
  const auto result = static_cast<long>(registers().rax);
  set_registers(saved);
  return result;
}

// A signal from outside may come first. It is held back and sent again: the program is to get it at its own instruction.
void Tracee::step_over_call() {
  for (;;) {
    trace(PTRACE_SINGLESTEP, pid_, 0, 0, "step the program");
    const Stop stop = wait_for_stop();
    if (stop.kind != Stop::Kind::signal) throw LaunchError(ExitCode::ended_early, "the program ended while it was being placed.");
    if (stop.value == SIGTRAP) break;
    held_back_.push_back(stop.value);
  }
  for (const int number : held_back_) kill(pid_, number);
  held_back_.clear();
}

pid_t Tracee::let_go() {
  trace(PTRACE_DETACH, pid_, 0, 0, "let the program go");
  ended_ = true;
  return pid_;
}

}  // namespace afterimage::launch
