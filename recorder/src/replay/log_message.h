// One message of a reactor's log.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>

#include "format/mcap.h"

namespace afterimage::replay {

struct EventChannel {
  std::string type, codec;
  std::uintptr_t thunk = 0;
  std::size_t bytes = 0;  // of a trivial event
  std::size_t align = 1;
};

struct LogMessage {
  enum class Kind { event, input, done, gap } kind;
  std::uint64_t event;          // its number; of an input, the event that it precedes or is a part of
  const EventChannel* channel;  // of an event
  std::span<const std::byte> data;

  // Of an input. Zero, a kind that there is not, when the message is too short.
  format::InputHeader input_header() const noexcept {
    format::InputHeader header{};
    if (kind == Kind::input && data.size() >= sizeof header) std::memcpy(&header, data.data(), sizeof header);
    return header;
  }
  bool is_input(format::InputKind input) const noexcept { return input_header().kind == static_cast<std::uint16_t>(input); }
  std::span<const std::byte> input_value() const noexcept {
    return data.size() < sizeof(format::InputHeader) ? data.first(0) : data.subspan(sizeof(format::InputHeader));
  }
};

}  // namespace afterimage::replay
