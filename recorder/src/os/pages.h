// os/pages.h: address ranges from the kernel. Nothing here allocates or throws.
#pragma once

#include <cstddef>
#include <cstdint>

namespace afterimage::os {

inline constexpr std::size_t kPageBytes = 4096;

// Addresses whose memory comes with the first touch, whatever the program has said with mlockall(MCL_FUTURE), after which the kernel
// gives a new mapping all of its memory at once. `flags` are mmap's. MAP_FAILED with an errno; EAGAIN: they count as locked memory.
enum class Locked { as_touched, never };  // after mlockall
[[nodiscard]] void* map_on_touch(void* wanted, std::size_t bytes, int flags, Locked locked) noexcept;

// Reserves exactly [address, address + bytes): readable, writable, zero, committed by the first touch.
// Returns 0 or an errno; EEXIST when something else is mapped there. Huge pages are off: one of them
// would turn the copy of every written page into a copy of 2 MiB. Core dumps leave the range out.
[[nodiscard]] int reserve_at(std::uintptr_t address, std::size_t bytes) noexcept;

// From now on core dumps have these whole pages of a reserved range. Keeps errno.
void include_in_cores(std::uintptr_t address, std::size_t bytes) noexcept;

void release(std::uintptr_t address, std::size_t bytes) noexcept;

}  // namespace afterimage::os
