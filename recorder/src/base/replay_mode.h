// Whether this process records or replays, known before any static constructor of the program runs; and what code that
// runs inside react() in both cases asks then.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

namespace afterimage::detail {
struct EventMaker;
struct EventTypeInfo;
}

namespace afterimage {

class Heap;

// What is different in the replayer, where everything comes from the log and only from there.
struct ReplayHooks {
  // A delivery to reactor `id` from inside react(), which must not be carried out; to itself, it may throw.
  void (*outbound)(std::uint32_t id, const detail::EventTypeInfo& type, const void* payload, std::size_t bytes);
  // The same of an event that is made there first. Throws what make() throws.
  void (*made)(std::uint32_t id, const detail::EventTypeInfo& type, const detail::EventMaker& make);
  // The next input of the event in progress, if it is of this kind: up to `capacity` bytes of it, and its size in
  // `bytes`. False when the log has another one here, or none: that is a divergence, already noted.
  bool (*input)(std::uint16_t kind, void* buffer, std::size_t capacity, std::size_t& bytes) noexcept;
  // That of the reactor, in react() or its constructor; else null.
  Heap* (*heap_of_event)() noexcept;
  // An event that destroys an object finds none.
  void (*nothing_lent)(const void* object) noexcept;
};

// Null while recording.
extern const ReplayHooks* replay_hooks __attribute__((visibility("hidden")));

// Whether react() finds the stack below it empty, so that what it copies from there by chance is the same in every replay.
extern bool react_on_clear_stack __attribute__((visibility("hidden")));

}  // namespace afterimage
