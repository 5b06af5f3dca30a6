// Fetches a line of memory that will be written soon. Not __builtin_prefetch: without -mprfchw that asks to read, and what another
// core has written would still have to be taken from it at the store. A processor that does not know it does nothing.
#pragma once

namespace afterimage {

inline void prefetch_to_write(const void* place) noexcept { asm volatile("prefetchw (%0)" : : "r"(place)); }

}  // namespace afterimage
