#include "launch.h"

#include <linux/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "loader_watch.h"
#include "program_image.h"
#include "recorded_modules.h"
#include "replay_handle.h"
#include "tracee.h"

namespace afterimage::launch {

namespace {

constexpr int attempts_max = 50;
constexpr int attempts_for_slot = 3;  // what is in the way at a fixed address will be there each time
constexpr int command_descriptor = 3;
constexpr int report_descriptor = 4;

void run_to_exec(Tracee& tracee, const Command& command) {
  Stop stop = tracee.resume();
  while (stop.kind == Stop::Kind::syscall) stop = tracee.resume();
  if (stop.kind == Stop::Kind::exited) fail_not_started(command, stop.value);
  if (stop.kind == Stop::Kind::exec) return;
  throw LaunchError(ExitCode::ended_early, "signal ", stop.value, " came before ", command.arguments[0], " was started.");
}

// At the exec event the kernel has still to store execve's result in rax, over anything we would put there.
void finish_exec(Tracee& tracee) {
  if (tracee.resume().kind != Stop::Kind::syscall) throw LaunchError(ExitCode::ended_early, "the program was killed as it began.");
}

// One attempt: returns the pid of a replayer that is ready and no longer traced.
pid_t attempt(const RecordedModules& recorded, const Command& command, MainTls& tls, bool slot_must_be_free) {
  Tracee tracee(start_stopped(command));
  run_to_exec(tracee, command);
  for (;;) {
    finish_exec(tracee);
    place_program(tracee, recorded);
    if (LoaderWatch(tracee, recorded, tls, slot_must_be_free).run() == LoaderWatch::End::ready) break;
    note("the program has replaced itself by exec");
  }
  // Under Yama, a debugger that is not our child could not attach otherwise. Elsewhere the call fails, which is as well.
  tracee.call(SYS_prctl, PR_SET_PTRACER, PR_SET_PTRACER_ANY);
  return tracee.let_go();
}

pid_t start_replayer(const RecordedModules& recorded, Command command, const ReplayHandle& handle) {
  MainTls tls(recorded.plan().fs);
  std::string reason;
  for (int number = 1; number <= attempts_max && ending_signal() == 0; number++) {
    handle.rewind();
    command.library_path_padding = tls.padding_bytes();
    try {
      const pid_t pid = attempt(recorded, command, tls, number <= attempts_for_slot);
      note(text("ready in attempt ", number, ", process ", pid));
      return pid;
    } catch (const TryAgain& again) {
      reason = again.reason;
      note(text("attempt ", number, ": ", reason));
    }
  }
  throw LaunchError(ExitCode::no_layout, "no free layout in ", attempts_max, " attempts, the last failed because ", reason, ".");
}

}  // namespace

int launch(const Plan& plan, Command command, bool force) {
  const RecordedModules recorded(plan, force);
  recorded.check_executable(command.arguments[0], command.arguments[0]);
  pid_t replayer = 0;
  {
    const ReplayHandle handle(plan);
    command.replay_variable = handle.environment();
    replayer = start_replayer(recorded, command, handle);
  }
  // Whoever reads the reports must see their end when the replayer ends, not when we do.
  close(command_descriptor);
  close(report_descriptor);
  return wait_for_exit(replayer);
}

}  // namespace afterimage::launch
