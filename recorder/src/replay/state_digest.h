// One number for some of the reactor's state, to compare replays by.
#pragma once
#include <cstdint>
#include <span>

#include "base/relocation.h"
#include "os/modules.h"

namespace afterimage::replay {

// Of what was moved, it is the same as if it had not been.
std::uint64_t state_digest(std::span<const os::AddressRange> ranges, const Relocation& relocation);

}  // namespace afterimage::replay
