#include "replay/traversal_run.h"

#include <algorithm>

#include "base/type_name.h"

namespace afterimage {
namespace {

void add_name(std::vector<std::string>& names, const std::type_info& type) {
  constexpr std::size_t kMost = 16;
  const std::string name = type_name(type);
  if (names.size() < kMost && std::ranges::find(names, name) == names.end()) names.push_back(name);
}

}  // namespace

void TraversalRun::run(Traverse reactor) {
  Traversal traversal(*this);
  Heap::Block block{};
  if (heap_.locate(heap_.object(), block)) reached_.insert(block.address);
  follow(reinterpret_cast<void*>(heap_.object()), reactor);
  for (; !waiting_.empty(); waiting_.pop_front()) waiting_.front().second(traversal, waiting_.front().first);
  heap_.walk([&](const Heap::Block& each) { words_.unreached += each.live && !reached_.contains(each.address); });
}

// Whether it now leads into the reactor's memory; it may have been shifted before.
bool TraversalRun::shift(std::uintptr_t& place) {
  words_.heap += relocator_.relocate(reinterpret_cast<std::uintptr_t>(&place), sizeof place);
  Heap::Block block{};
  const bool ours = relocator_.relocation().is_in(place);
  if (ours && heap_.locate(place, block)) reached_.insert(block.address);
  return ours;
}

void TraversalRun::follow(void* object, Traverse traverse) {
  Heap::Block block{};
  const bool lives = heap_.locate(reinterpret_cast<std::uintptr_t>(object), block) && block.live;
  if (lives && seen_.emplace(object, traverse).second) waiting_.emplace_back(object, traverse);
}

void TraversalRun::search(std::uintptr_t address, std::size_t bytes, const std::type_info& type) {
  add_name(words_.searched, type);
  words_.heap += relocator_.relocate(address, bytes);
}

void TraversalRun::search_block(const void* object, const std::type_info& type) {
  Heap::Block block{};
  if (!heap_.locate(reinterpret_cast<std::uintptr_t>(object), block)) return;
  if (seen_.emplace(reinterpret_cast<void*>(block.address), nullptr).second) search(block.address, block.size, type);
}

bool Traversal::shift(void* place) noexcept { return run_.shift(*static_cast<std::uintptr_t*>(place)); }

void Traversal::follow(const void* object, void (*traverse)(Traversal&, void*)) { run_.follow(const_cast<void*>(object), traverse); }

void Traversal::search(void* memory, std::size_t bytes, const std::type_info& type) {
  run_.search(reinterpret_cast<std::uintptr_t>(memory), bytes, type);
}

void Traversal::search_block(const void* object, const std::type_info& type) { run_.search_block(object, type); }

void Traversal::is_hashed_by_address(const std::type_info& container) { add_name(run_.words_.hashed_by_address, container); }

}  // namespace afterimage
