// Replaces main() in a process that was started to replay.
//
// The executable's start-up code calls __libc_start_main with the address of main, before any static constructor of the
// executable runs. The dynamic linker finds ours first; it hands on either main or our own.
#include <dlfcn.h>

#include "base/replay_mode.h"
#include "replay/plan.h"
#include "replay/replay_main.h"

namespace afterimage::replay {
extern const ReplayHooks kReplayHooks;
namespace {

Plan* g_plan = nullptr;

int main_of_replayer(int, char**, char**) { replay_main(*g_plan); }

}  // namespace
}  // namespace afterimage::replay

extern "C" __attribute__((visibility("default"))) int __libc_start_main(int (*main)(int, char**, char**), int argc,
                                                                        char** argv, void (*init)(), void (*fini)(),
                                                                        void (*rtld_fini)(), void* stack_end) {
  using namespace afterimage;
  using Start = decltype(&__libc_start_main);
  const auto start = reinterpret_cast<Start>(dlsym(RTLD_NEXT, "__libc_start_main"));
  auto* const plan = new replay::Plan;
  if (replay::take_plan_from_environment(*plan)) {
    replay::g_plan = plan;
    replay_hooks = &replay::kReplayHooks;
    main = replay::main_of_replayer;
  } else {
    delete plan;
  }
  return start(main, argc, argv, init, fini, rtld_fini, stack_end);
}
