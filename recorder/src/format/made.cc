#include "format/made.h"

#include <algorithm>
#include <cstring>

namespace afterimage::format {
namespace {

using Kind = HeapOperation::Kind;

// No heap has a larger block.
constexpr std::uint32_t kLargestAlignmentLog2 = 36;

// A block may be freed and be had again, or resized: then the last one says how large it is.
void choose_contents(std::span<HeapOperation> operations) {
  std::vector<HeapOperation*> blocks;
  for (HeapOperation& operation : operations)
    if (operation.kind != Kind::free && operation.address != 0) blocks.push_back(&operation);
  std::ranges::stable_sort(blocks, {}, &HeapOperation::address);
  for (std::size_t i = 0; i < blocks.size(); ++i)
    blocks[i]->has_contents = i + 1 == blocks.size() || blocks[i + 1]->address != blocks[i]->address;
}

template <typename T>
void append(std::vector<std::byte>& payload, const T* values, std::size_t count) {
  const auto* const bytes = reinterpret_cast<const std::byte*>(values);
  payload.insert(payload.end(), bytes, bytes + count * sizeof(T));
}

template <typename T>
bool take(std::span<const std::byte>& payload, T& value) {
  if (payload.size() < sizeof value) return false;
  std::memcpy(&value, payload.data(), sizeof value);
  payload = payload.subspan(sizeof value);
  return true;
}

bool is_sound(const HeapOperation& operation) {
  return operation.kind >= Kind::allocate && operation.kind <= Kind::keep && operation.alignment_log2 <= kLargestAlignmentLog2;
}

}  // namespace

void write_made(std::vector<std::byte>& payload, std::uint64_t event, std::span<HeapOperation> operations) {
  choose_contents(operations);
  const MadeHeader header{.version = kMadeVersion, .operations = static_cast<std::uint32_t>(operations.size()), .event = event};
  payload.clear();
  append(payload, &header, 1);
  append(payload, operations.data(), operations.size());
  for (const HeapOperation& operation : operations)
    if (operation.has_contents != 0) append(payload, reinterpret_cast<const std::byte*>(operation.address), operation.value);
}

std::optional<Made> read_made(std::span<const std::byte> payload) {
  MadeHeader header;
  if (!take(payload, header) || header.version != kMadeVersion || header.operations > payload.size() / sizeof(HeapOperation)) return {};
  Made made{.event = header.event, .operations = std::vector<MadeOperation>(header.operations)};
  for (MadeOperation& one : made.operations)
    if (!take(payload, one.operation) || !is_sound(one.operation)) return {};
  for (auto& [operation, contents] : made.operations) {
    if (operation.has_contents == 0) continue;
    if (operation.value > payload.size()) return {};
    contents = payload.first(operation.value);
    payload = payload.subspan(operation.value);
  }
  return made;
}

}  // namespace afterimage::format
