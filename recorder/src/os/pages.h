// os/pages.h: address ranges from the kernel. Nothing here allocates or throws.
#pragma once

#include <cstddef>
#include <cstdint>

namespace afterimage::os {

inline constexpr std::size_t kPageBytes = 4096;

// Reserves exactly [address, address + bytes): readable, writable, zero, committed by the first touch.
// Returns 0 or an errno; EEXIST when something else is mapped there. Huge pages are off: one of them
// would turn the copy of every written page into a copy of 2 MiB. Core dumps leave the range out.
[[nodiscard]] int reserve_at(std::uintptr_t address, std::size_t bytes) noexcept;

// From now on core dumps have these whole pages of a reserved range. Keeps errno.
void include_in_cores(std::uintptr_t address, std::size_t bytes) noexcept;

void release(std::uintptr_t address, std::size_t bytes) noexcept;

}  // namespace afterimage::os
