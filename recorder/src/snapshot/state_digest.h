// One number for the state after an event, so that a replay can be compared with what was recorded (Options::state_digests).
//
// The heap's is over its live blocks: what was freed is no state. All words that point into one of the `stacks` count as the
// same: a replay runs on another stack, and finds pointers to the recorded one in a snapshot.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "heap/heap.h"
#include "os/modules.h"

namespace afterimage {

using Stacks = std::span<const os::AddressRange>;
os::AddressRange stack_of_this_thread();

std::uint64_t heap_digest(const Heap& heap, Stacks stacks);
std::uint64_t variables_digest(std::span<const os::AddressRange> variables, std::span<const std::byte> thread_state, Stacks stacks);

}  // namespace afterimage
