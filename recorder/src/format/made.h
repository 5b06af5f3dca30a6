// The payload of an event that was made in its reactor's heap (FORMAT.md §4): how that memory came about, and what is in it.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/heap_operation.h"

namespace afterimage::format {

// The operations follow, then the contents of the blocks whose operation says so.
struct MadeHeader {
  std::uint32_t version;
  std::uint32_t operations;
  std::uint64_t event;  // its address
};
static_assert(sizeof(MadeHeader) == 16);
inline constexpr std::uint32_t kMadeVersion = 1;

// Of each block the contents follow once, as they are now, those of freed ones, too: a program that reads what it has freed must read the
// same in the replay. Needs memory.
void write_made(std::vector<std::byte>& payload, std::uint64_t event, std::span<HeapOperation> operations);

struct MadeOperation {
  HeapOperation operation;
  std::span<const std::byte> contents;
};
struct Made {
  std::uint64_t event;
  std::vector<MadeOperation> operations;
};
// Nothing when it is not one, or of another version.
std::optional<Made> read_made(std::span<const std::byte> payload);

}  // namespace afterimage::format
