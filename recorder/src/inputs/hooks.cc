#include "inputs/hooks.h"

namespace afterimage::inputs {

constinit const Hooks* hooks = nullptr;

}  // namespace afterimage::inputs
