#include "reactors.h"

#include "heap/slots.h"

namespace afterimage::check {

namespace detail {
LiveReactor g_reactors[kReactors];
std::size_t g_reactor_count = 0;
}  // namespace detail

void add_reactor(std::uint32_t id, Heap* heap, const void* core) noexcept {
  std::size_t place = 0;
  while (place < detail::g_reactor_count && detail::g_reactors[place].heap != nullptr) ++place;
  if (place == kReactors) return;
  detail::g_reactors[place] = {heap, id, core, 0};
  if (place == detail::g_reactor_count) ++detail::g_reactor_count;
}

void remove_reactor(const Heap* heap) noexcept {
  for_each_reactor([&](LiveReactor& reactor) {
    if (reactor.heap == heap) reactor.heap = nullptr;
  });
}

LiveReactor* reactor_at(const void* address) noexcept {
  if (!in_zones(address)) return nullptr;
  LiveReactor* found = nullptr;
  for_each_reactor([&](LiveReactor& reactor) {
    if (reactor.heap->owns(address)) found = &reactor;
  });
  return found;
}

bool is_reactor_core(const void* address) noexcept {
  bool found = false;
  for_each_reactor([&](const LiveReactor& reactor) { found = found || reactor.core == address; });
  return found;
}

}  // namespace afterimage::check
