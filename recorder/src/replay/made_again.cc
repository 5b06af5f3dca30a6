#include "replay/made_again.h"

#include <cstring>
#include <iterator>

namespace afterimage::replay {
namespace {

using Kind = HeapOperation::Kind;

}  // namespace

MadeAgain::MadeAgain(const format::Made& made, Heap& heap, const Relocation& relocation, std::size_t bytes)
    : heap_(heap), relocation_(relocation) {
  for (const auto& [operation, contents] : made.operations) repeat(operation);
  for (const format::MadeOperation& one : made.operations)
    if (one.operation.kind != Kind::keep) fill(one);
  const std::uint64_t event = here(made.event);
  if (is_memory(event, bytes)) event_ = reinterpret_cast<std::byte*>(event);
}

void MadeAgain::repeat(const HeapOperation& recorded) {
  HeapOperation operation = recorded;
  operation.address = here(recorded.address);
  if (recorded.kind != Kind::allocate && !heap_.owns(reinterpret_cast<void*>(operation.address))) return;
  const auto block = reinterpret_cast<std::uint64_t>(heap_.repeat(operation));
  if (recorded.kind == Kind::free) return;
  same_places_ = same_places_ && block == relocation_.to_here(recorded.address);
  if (block != 0) places_[recorded.address] = {block, recorded.value};
}

// A freed block may have become a part of another one.
void MadeAgain::fill(const format::MadeOperation& made) {
  const auto place = places_.find(made.operation.address);
  if (made.contents.empty() || place == places_.end() || !is_memory(place->second.here, made.contents.size())) return;
  auto* const block = reinterpret_cast<std::byte*>(place->second.here);
  std::memcpy(block, made.contents.data(), made.contents.size());
  if (same_places_ && !relocation_) return;
  for (std::size_t at = 0; at + sizeof(std::uint64_t) <= made.contents.size(); at += sizeof(std::uint64_t)) {
    std::uint64_t word;
    std::memcpy(&word, block + at, sizeof word);
    word = here(word);
    std::memcpy(block + at, &word, sizeof word);
  }
}

// Where something is, or ends, that was there.
std::uint64_t MadeAgain::here(std::uint64_t address) const {
  const auto after = places_.upper_bound(address);
  if (after == places_.begin()) return relocation_.to_here(address);
  const auto& [recorded, place] = *std::prev(after);
  return address - recorded <= place.bytes ? address - recorded + place.here : relocation_.to_here(address);
}

bool MadeAgain::is_memory(std::uint64_t address, std::size_t bytes) const {
  Heap::Block block;
  return heap_.owns(reinterpret_cast<void*>(address)) && heap_.locate(address, block) && address - block.address + bytes <= block.size;
}

}  // namespace afterimage::replay
