// check/reactors.h: the reactors that live, and which of them are in react() now.
#pragma once
#include <cstddef>
#include <cstdint>

#include "heap/heap.h"

namespace afterimage::check {

struct LiveReactor {
  Heap* heap;
  std::uint32_t id;
  const void* core;  // the recorder's own object, to which references point
  int reacting;
};

inline constexpr std::size_t kReactors = 6144;  // as many as there are slots

void add_reactor(std::uint32_t id, Heap* heap, const void* core) noexcept;
void remove_reactor(const Heap* heap) noexcept;
LiveReactor* reactor_at(const void* address) noexcept;  // whose heap has it
bool is_reactor_core(const void* address) noexcept;

namespace detail {
extern LiveReactor g_reactors[kReactors];
extern std::size_t g_reactor_count;
}  // namespace detail

template <typename F>
void for_each_reactor(F&& f) noexcept {
  for (std::size_t i = 0; i < detail::g_reactor_count; ++i)
    if (detail::g_reactors[i].heap != nullptr) f(detail::g_reactors[i]);
}

}  // namespace afterimage::check
