// afterimage/posted.h: events that reach another reactor by way of a queue of the program's own, mostly because it has a thread of its own.
//
//     // in react() of the sender
//     matcher_.post(Order{...}, [](auto posted) noexcept { matcher_queue.push(std::move(posted)); });
//     // on the receiver's thread
//     matcher_queue.pop().deliver();
//
// So the log of the receiver says which event has sent it, as it does of what is delivered at once (ReactorRef::deliver), and a replay of
// the sender compares what it posts. What is given to post() last is called outside of the reactor, and only in production.
#pragma once
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "afterimage/codec.h"
#include "afterimage/event_type.h"
#include "afterimage/heap.h"

namespace afterimage {

namespace detail {

class ReactorCore;
class RecorderCore;

// The event in whose react() something was sent.
struct Envelope {
  const RecorderCore* recorder = nullptr;  // null: it was sent outside of react()
  std::uint64_t event = 0;
  std::uint32_t reactor = 0, message = 0;
  std::uint64_t time_ns = 0;
};

// Notes what is sent to `reactor`, or compares it.
AFTERIMAGE_API Envelope send(std::uint32_t reactor, const EventTypeInfo& type, const void* payload, std::size_t bytes) noexcept;
// deliver_event() and, with `react`, deliver_decoded() of what was sent before.
AFTERIMAGE_API void deliver_sent(ReactorCore* core, std::uint32_t reactor, const EventTypeInfo& type, const void* payload, std::size_t bytes,
                                 void (*react)(void* object, const void* event), const void* event, const Envelope& envelope);
// As if this thread were in no reactor. Not in a replay.
AFTERIMAGE_API void run_outside(void (*function)(void* context), void* context);
AFTERIMAGE_API bool is_replaying() noexcept;

template <typename Function>
void run_outside(Function& function) {
  run_outside([](void* context) { (*static_cast<Function*>(context))(); }, &function);
}

// f(bytes, size) of the payload that the log gets; of a codec's, in the ordinary heap.
template <typename E, typename F>
void with_payload(const E& event, F&& f) {
  if constexpr (is_raw_bytes<E>) {
    f(event.data(), event.size());
  } else if constexpr (DeliveredInPlace<E>) {
    f(static_cast<const void*>(&event), sizeof event);
  } else {
    Bytes payload;  // freed to the heap it comes from, whichever is current then
    {
      const OutsideScope outside;
      Codec<E>::encode(event, payload);
    }
    f(payload.data(), payload.size());
  }
}

}  // namespace detail

// An event of type E for a reactor of type T. It may go through any queue, to any thread.
template <typename T, typename E>
class Posted {
 public:
  Posted(detail::ReactorCore* core, std::uint32_t reactor, const detail::Envelope& envelope, E&& event)
      : core_(core), reactor_(reactor), envelope_(envelope), event_(std::move(event)) {}

  // As Reactor::deliver(), and where that may be called.
  void deliver() const;
  const E& event() const noexcept { return event_; }

 private:
  detail::ReactorCore* core_;
  std::uint32_t reactor_;
  detail::Envelope envelope_;
  E event_;
};

}  // namespace afterimage
