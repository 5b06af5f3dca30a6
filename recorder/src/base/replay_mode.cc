#include "base/replay_mode.h"

namespace afterimage {

const ReplayHooks* replay_hooks = nullptr;
bool react_on_clear_stack = false;

}  // namespace afterimage
