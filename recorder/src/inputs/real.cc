#include "inputs/real.h"

extern "C" {
extern __attribute__((visibility("hidden"))) afterimage::inputs::RealFunction* __start_afterimage_real[];
extern __attribute__((visibility("hidden"))) afterimage::inputs::RealFunction* __stop_afterimage_real[];
}

namespace afterimage::inputs {
namespace {

[[gnu::constructor(101)]] void find_real_functions() noexcept {
  for (RealFunction** function = __start_afterimage_real; function != __stop_afterimage_real; ++function)
    (*function)->address();
}

}  // namespace
}  // namespace afterimage::inputs
