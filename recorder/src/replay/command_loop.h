// Drives a replayer without a debugger: commands in lines, reports in JSON lines (debug-adapter/replay/PROTOCOL.md).
#pragma once
#include "replay/replayer.h"

namespace afterimage::replay {

// Until `quit` or the end of the commands. Returns the exit code.
int run_commands(Replayer& replayer);

}  // namespace afterimage::replay
