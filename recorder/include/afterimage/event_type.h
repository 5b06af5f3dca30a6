// afterimage/event_type.h: what the recorder knows of one kind of event, and how another build finds it again.
//
// A replay calls the recorded address: it is the same executable. A test of a changed executable looks up the names of reactor
// and event among those that this build has registered, before main(), simply by having code that delivers them.
#pragma once
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <typeinfo>

#include "afterimage/codec.h"
#include "afterimage/heap.h"

namespace afterimage {
class Traversal;
}

namespace afterimage::detail {

enum class PayloadCodec : std::uint8_t { trivial, custom, bytes, made };

// Whether react() gets the payload itself, as it was given to deliver(): the even ones.
constexpr bool is_in_place(PayloadCodec codec) noexcept { return (static_cast<unsigned>(codec) & 1) == 0; }

// One per (reactor type, event type, codec): what the log says about the events of a channel. Static storage.
struct EventTypeInfo {
  const std::type_info* type;
  void (*thunk)(void* object, const std::byte* payload, std::size_t bytes);  // decodes, calls react()
  PayloadCodec codec;
  std::uint32_t bytes;
  std::uint32_t align;
  bool has_padding;               // its bytes are not all part of its value
  void (*clear_padding)(void*);   // makes them so, in a copy; null: not needed, or not known to the compiler
};

// An entry of the list of all kinds of events that the program can deliver. Lives as long as its module.
class AFTERIMAGE_API RegisteredEvent {
 public:
  RegisteredEvent(const std::type_info& reactor, const EventTypeInfo& event) noexcept;
  ~RegisteredEvent();
  RegisteredEvent(const RegisteredEvent&) = delete;
  RegisteredEvent& operator=(const RegisteredEvent&) = delete;

  const std::type_info& reactor() const noexcept { return reactor_; }
  const EventTypeInfo& event() const noexcept { return event_; }
  const RegisteredEvent* next() const noexcept { return next_; }

 private:
  const std::type_info& reactor_;
  const EventTypeInfo& event_;
  RegisteredEvent* next_;
};

// A use of the variable: without one it, and with it the entry, would not exist.
inline void keep(const RegisteredEvent&) noexcept {}

// The same of reactors that show their pointers.
class AFTERIMAGE_API RegisteredTraversal {
 public:
  using Traverse = void (*)(Traversal&, void* reactor);
  RegisteredTraversal(const std::type_info& reactor, Traverse traverse) noexcept;
  ~RegisteredTraversal();
  RegisteredTraversal(const RegisteredTraversal&) = delete;
  RegisteredTraversal& operator=(const RegisteredTraversal&) = delete;

  const std::type_info& reactor() const noexcept { return reactor_; }
  Traverse traverse() const noexcept { return traverse_; }
  const RegisteredTraversal* next() const noexcept { return next_; }

 private:
  const std::type_info& reactor_;
  Traverse traverse_;
  RegisteredTraversal* next_;
};
inline void keep(const RegisteredTraversal&) noexcept {}

template <typename E>
constexpr auto padding_cleaner() -> void (*)(void*) {
#if defined(__has_builtin) && __has_builtin(__builtin_clear_padding)
  if constexpr (DeliveredInPlace<E> && !is_raw_bytes<E> && !std::has_unique_object_representations_v<E>)
    return [](void* event) { __builtin_clear_padding(static_cast<std::remove_const_t<E>*>(event)); };
#endif
  return nullptr;
}

}  // namespace afterimage::detail
