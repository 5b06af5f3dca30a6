// afterimage/made.h: events that are made where they are used.
//
//     board.deliver_made([&] { return Order{.customer = name, .items = {7, 9}, .owner = std::make_shared<Account>(id)}; });
//
// For types that own memory, when nobody wants to write a Codec for them. The function runs inside the reactor's heap, and so does the
// event's destructor, when react() has returned. So whatever the event owns lies in that heap, at addresses that are the same in the
// replay, and react() may keep any of it: the event is an rvalue, which react(Order&&) and react(Order) may move from.
//
// The log has what was allocated and freed meanwhile, and the contents of the memory that was allocated. A replay does that again, and
// does not call the function. So the function
//   - must copy what it does not allocate itself. A container that was filled outside and is moved in brings along memory of the ordinary
//     heap, which a replay does not have;
//   - must leave alone what the reactor has had before: what it writes there is not in the log;
//   - may ask the world for anything, which is not recorded: its answer is in the event.
// What it throws goes to the caller of deliver_made(), and nobody gets an event.
//
// From inside react() of another reactor it is called in that one's replay as well, outside of all heaps, and its result destroyed: only
// the type of what was sent is compared then. Another build of the program can replay no such events: its types may have other members.
#pragma once
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <typeinfo>
#include <utility>

#include "afterimage/event_type.h"
#include "afterimage/react.h"

namespace afterimage::detail {

class ReactorCore;

// Makes an event in the current heap; the type's thunk, or destroy(), ends it there.
struct EventMaker {
  void* (*function)(void* context);
  void (*destroy)(void* event);
  void* context;

  void* operator()() const { return function(context); }
};

// Commits an event to the log that is made in the reactor's heap, as deliver_event does with others.
AFTERIMAGE_API void deliver_made_event(ReactorCore* core, std::uint32_t reactor, const EventTypeInfo& type, const EventMaker& make);

template <typename E>
void destroy_made(void* event) {
  ::delete static_cast<E*>(event);
}

// The entry of every event of this kind, recording and replaying: in the reactor's heap.
template <typename T, typename E>
void react_to_made(void* object, const std::byte* payload, std::size_t) {
  E* const event = reinterpret_cast<E*>(const_cast<std::byte*>(payload));
  const struct Owner {
    E* event;
    ~Owner() {
      destroy_made<E>(event);
      asm volatile("");  // not by a jump: a kinda-safe heap notes where it was freed
    }
  } owner{event};
  enter_react(*static_cast<T*>(object), std::move(*event));
}

template <typename T, typename E>
inline constexpr EventTypeInfo made_type{
    .type = &typeid(E),
    .thunk = &react_to_made<T, E>,
    .codec = PayloadCodec::made,
    .bytes = std::uint32_t{sizeof(E)},
    .align = std::uint32_t{alignof(E)},
    .has_padding = false,
    .clear_padding = nullptr,
};

template <typename T, typename E>
inline const RegisteredEvent registered_made(typeid(T), made_type<T, E>);

template <typename T, typename Make>
void deliver_made(ReactorCore* core, std::uint32_t reactor, Make& make) {
  using E = std::invoke_result_t<Make&>;
  static_assert(std::is_object_v<E> && !std::is_const_v<E>, "the function must return the event itself, by value");
  keep(registered_made<T, E>);
  const EventMaker maker{.function = [](void* function) -> void* { return ::new E((*static_cast<Make*>(function))()); },
                         .destroy = &destroy_made<E>,
                         .context = const_cast<void*>(static_cast<const void*>(&make))};
  deliver_made_event(core, reactor, made_type<T, E>, maker);
}

}  // namespace afterimage::detail
