#include "base/check_hooks.h"

namespace afterimage {

constinit const CheckHooks* check_hooks = nullptr;

}  // namespace afterimage
