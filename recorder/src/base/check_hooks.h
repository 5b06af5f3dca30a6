// What the library of `afterimage check` (recorder/check) is told. It is loaded in front of this one, and only there: in
// production nobody sets the pointer.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "afterimage/heap.h"

namespace afterimage {

struct CheckedReactor {
  std::uint32_t id;
  const char* name;
  const char* type;
  Heap* heap;  // null: it lives in the ordinary heap
  const void* core;  // what references to it point to
};

struct CheckHooks {
  const char* directory;  // recordings go there, whatever the program says
  // Which variables snapshots would have: the rules of snapshot/variable_rules.h.
  void (*recorder_opens)(const char* variables_of) noexcept;
  void (*reactor_constructed)(const CheckedReactor& reactor) noexcept;
  void (*reactor_ends)(Heap* heap) noexcept;
  // Around react(), outside of all heaps. Deliveries nest.
  void (*event_begins)(std::uint32_t reactor, std::uint64_t event, Heap* heap) noexcept;
  void (*event_ends)() noexcept;
  // An input of kind `call` was recorded.
  void (*call_recorded)(std::span<const std::byte> record) noexcept;
  // Around the functions that are given to afterimage::input() and deliver_made().
  void (*value_begins)() noexcept;
  void (*value_ends)() noexcept;
};

extern AFTERIMAGE_API const CheckHooks* check_hooks;

}  // namespace afterimage
