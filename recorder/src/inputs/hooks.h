// inputs/hooks.h: where intercepted calls go. Recording and replaying each bring their own; neither knows the other.
#pragma once
#include <cstdint>
#include <span>

#include "format/calls.h"

namespace afterimage::inputs {

// What becomes of the input and output that react() does by itself.
enum class IoPolicy : std::uint8_t {
  log,
  pass_files_through,  // files that are only read are not logged but read again
  forbid,              // it fails, with EPERM
};

struct Hooks {
  // Whether this thread runs react() of a reactor that is recorded or replayed, in that reactor's heap.
  bool (*in_event)() noexcept;
  // Recording: of that reactor's recorder.
  IoPolicy (*policy)() noexcept;
  // Recording: appends one input of kind `call` to the log of that reactor.
  void (*log)(std::span<const std::byte> record) noexcept;
  // Replaying: what the log has for this call. False when it has something else here, or nothing: then that has been
  // reported, and the program is on its own.
  bool (*serve)(const format::CallHeader& asked, std::span<const std::byte> shown, format::CallRecord& recorded) noexcept;
  // Replaying: a call that was made again has returned something else than when it was recorded.
  void (*returned_otherwise)(const format::CallHeader& asked, std::span<const std::byte> shown,
                             const format::CallRecord& recorded, std::uint64_t result) noexcept;
};

// Null in a process that neither records nor replays.
extern constinit const Hooks* hooks;

}  // namespace afterimage::inputs
