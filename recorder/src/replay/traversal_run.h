// One walk over a reactor that shows its pointers (afterimage/traverse.h): each pointer is shifted when it is named, each object behind
// one is looked at once, in the order in which they are found, so that a long list needs no deep stack.
#pragma once
#include <cstdint>
#include <deque>
#include <set>
#include <string>
#include <typeinfo>
#include <utility>
#include <vector>

#include "afterimage/traverse.h"
#include "heap/heap.h"
#include "replay/relocator.h"

namespace afterimage {

class TraversalRun {
 public:
  using Traverse = void (*)(Traversal&, void*);
  TraversalRun(replay::Relocator& relocator, const Heap& heap, replay::RelocatedWords& words)
      : relocator_(relocator), heap_(heap), words_(words) {}

  void run(Traverse reactor);

 private:
  friend class Traversal;
  bool shift(std::uintptr_t& place);
  void follow(void* object, Traverse traverse);
  void search(std::uintptr_t address, std::size_t bytes, const std::type_info& type);
  void search_block(const void* object, const std::type_info& type);

  replay::Relocator& relocator_;
  const Heap& heap_;
  replay::RelocatedWords& words_;
  std::deque<std::pair<void*, Traverse>> waiting_;
  std::set<std::pair<void*, Traverse>> seen_;
  std::set<std::uintptr_t> reached_;  // blocks
};

}  // namespace afterimage
