// One launch: as many attempts as it takes to find a random layout in which every recorded address is free.
#pragma once

#include "child.h"
#include "plan.h"

namespace afterimage::launch {

// Returns the replayer's exit code. Throws LaunchError.
int launch(const Plan& plan, Command command, bool force);

}  // namespace afterimage::launch
