#include "base/replay_mode.h"

namespace afterimage {

const ReplayHooks* replay_hooks = nullptr;

}  // namespace afterimage
