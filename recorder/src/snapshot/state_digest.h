// One number for the state after an event, so that a replay can be compared with what was recorded (Options::state_digests).
//
// The heap's is over its live blocks: what was freed is no state. All words that point into one of the `stacks` count as the
// same: a replay runs on another stack, and finds pointers to the recorded one in a snapshot.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "base/relocation.h"
#include "heap/heap.h"
#include "os/modules.h"

namespace afterimage {

using Stacks = std::span<const os::AddressRange>;
os::AddressRange stack_of_this_thread();

// A heap that was moved, and variables that point into it, have the digests that they would have if it had not been.
std::uint64_t heap_digest(const Heap& heap, Stacks stacks, const Relocation& relocation = {});
std::uint64_t variables_digest(std::span<const os::AddressRange> variables, std::span<const std::byte> thread_state, Stacks stacks,
                               const Relocation& relocation = {});

}  // namespace afterimage
