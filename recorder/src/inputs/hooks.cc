#include "inputs/hooks.h"

namespace afterimage::inputs {

constinit const Hooks* hooks = nullptr;
constinit FilePolicy file_policy = FilePolicy::log;

}  // namespace afterimage::inputs
