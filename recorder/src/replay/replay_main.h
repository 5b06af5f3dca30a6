// What the program does instead of main() when it was started to replay.
#pragma once
#include "replay/plan.h"

namespace afterimage::replay {

[[noreturn]] void replay_main(const Plan& plan);

}  // namespace afterimage::replay
