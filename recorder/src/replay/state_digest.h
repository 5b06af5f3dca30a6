// One number for some of the reactor's state, to compare replays by.
#pragma once
#include <cstdint>
#include <span>

#include "os/modules.h"

namespace afterimage::replay {

std::uint64_t state_digest(std::span<const os::AddressRange> ranges);

}  // namespace afterimage::replay
