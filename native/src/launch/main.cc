// afterimage-launch: starts a program so that all its modules are where they were in a recording.
//
//     afterimage-launch [--verbose] [--force] [--stdin FILE] PLAN -- PROGRAM [ARG...]
//
//   1. fork, PTRACE_TRACEME, exec; stop before ld.so has run one instruction       child, tracee
//   2. move the executable and ld.so to their recorded bases                       program_image
//   3. let ld.so run, and place every library it maps                              loader_watch
//   4. at the replayer's prctl(0x41494D47, 1): let go, wait for its end            launch
//
// When something that cannot be moved is in the way, the program is started again: address space layout randomization is
// on, so the next try differs. No capability is needed. x86-64 Linux.
#include <cstring>
#include <optional>

#include "launch.h"

namespace {

using afterimage::launch::Command;
using afterimage::launch::ExitCode;
using afterimage::launch::LaunchError;

constexpr char usage_text[] = "usage: afterimage-launch [--verbose] [--force] [--stdin FILE] PLAN -- PROGRAM [ARG...]";

struct Arguments {
  std::string plan;
  Command command;
  bool force = false;
};

// Eats the options before PLAN; the index of PLAN.
int parse_options(Arguments& arguments, int count, char** values) {
  int at = 1;
  for (; at < count && std::strncmp(values[at], "--", 2) == 0; at++) {
    const std::string option = values[at];
    if (option == "--verbose") afterimage::launch::set_verbose(true);
    else if (option == "--force") arguments.force = true;
    else if (option == "--stdin" && at + 1 < count) arguments.command.input = values[++at];
    else throw LaunchError(ExitCode::usage, "unknown option ", option, "; ", usage_text, ".");
  }
  return at;
}

Arguments parse_arguments(int count, char** values) {
  Arguments arguments;
  const int at = parse_options(arguments, count, values);
  if (count - at < 3 || std::strcmp(values[at + 1], "--") != 0) throw LaunchError(ExitCode::usage, usage_text, ".");
  arguments.plan = values[at];
  arguments.command.arguments.assign(values + at + 2, values + count);
  return arguments;
}

int run(int count, char** values) {
  auto arguments = parse_arguments(count, values);
  const auto plan = afterimage::launch::read_plan(arguments.plan);
  afterimage::launch::end_child_on_signals();
  return afterimage::launch::launch(plan, std::move(arguments.command), arguments.force);
}

}  // namespace

int main(int count, char** values) {
  int code = 0;
  try {
    code = run(count, values);
  } catch (const LaunchError& error) {
    // Ended by a signal, everything that fails afterwards fails because of it.
    if (afterimage::launch::ending_signal() == 0) afterimage::launch::say(error.what());
    code = static_cast<int>(error.code());
  } catch (const std::exception& error) {
    afterimage::launch::say(afterimage::launch::text("this should not happen: ", error.what(), "."));
    code = static_cast<int>(ExitCode::not_permitted);
  }
  const int signal = afterimage::launch::ending_signal();
  return signal == 0 ? code : 128 + signal;
}
