// A stopped process under ptrace: its registers, its memory, and system calls made in its name.
//
// Calls are injected by pointing rip at a `syscall` instruction of its vdso and stepping once, so no code is ever
// written into the process. A Tracee owns its process: unless let go, it is killed and reaped with the object.
#pragma once

#include <sys/types.h>
#include <sys/user.h>

#include <cstddef>
#include <vector>

#include "errors.h"

namespace afterimage::launch {

using Registers = user_regs_struct;

struct Stop {
  enum class Kind { syscall, exec, signal, exited, killed };
  Kind kind;
  int value;  // the signal, or the exit status
};

class Tracee {
 public:
  // `pid` is a child that has called PTRACE_TRACEME and raised SIGSTOP.
  explicit Tracee(pid_t pid);
  ~Tracee();
  Tracee(const Tracee&) = delete;
  Tracee& operator=(const Tracee&) = delete;

  pid_t pid() const noexcept { return pid_; }

  // Lets it run to the next entry or exit of a system call, or to whatever comes before.
  Stop resume(int deliver_signal = 0);

  Registers registers() const;
  void set_registers(const Registers& registers);
  void read(Address address, void* out, std::size_t bytes) const;
  void write(Address address, const void* data, std::size_t bytes);  // read-only pages too

  void use_syscall_instruction(Address address) noexcept { syscall_instruction_ = address; }
  long call(long number, Address a = 0, Address b = 0, Address c = 0, Address d = 0, Address e = 0, Address f = 0);

  // Ends the tracing; the process runs on, as an ordinary child. Its pid.
  pid_t let_go();

 private:
  Stop wait_for_stop();
  void step_over_call();
  void transfer(Address address, void* data, std::size_t bytes, bool writing) const;

  pid_t pid_;
  bool ended_ = false;
  Address syscall_instruction_ = 0;
  std::vector<int> held_back_;  // signals
};

}  // namespace afterimage::launch
