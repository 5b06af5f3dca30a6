// Reading the memory of another process, without stopping it.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <span>

namespace afterimage {

struct MemoryRead {
  std::size_t bytes;  // readable from the address on, without a gap
  int error;          // errno of what ended the reading; 0: all was read
};

MemoryRead read_process_memory(pid_t pid, std::uint64_t address, std::span<std::byte> out);

}  // namespace afterimage
