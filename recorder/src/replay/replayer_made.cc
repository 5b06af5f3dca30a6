// Events that are made in a heap (afterimage/made.h): the log has how, and what was in it.
#include "afterimage/heap.h"
#include "base/hex.h"
#include "replay/made_again.h"
#include "replay/replayer.h"

namespace afterimage::replay {

// Unless react() has just made it, for itself.
Status Replayer::make_again(const LogMessage& message) {
  const auto thunk = thunk_of(*message.channel);
  if (made_.event != nullptr && made_.thunk == thunk) return {};
  const OutsideScope outside;
  const auto made = format::read_made(message.data);
  const std::uint64_t in_event = memory_.heap().exchange_event(0);
  std::optional<MadeAgain> again;
  if (made) again.emplace(*made, memory_.heap(), memory_.relocation(), message.channel->bytes);
  memory_.heap().exchange_event(in_event);
  if (!again || again->event() == nullptr)
    return Status(0, "event " + std::to_string(message.event) + " (" + message.channel->type + ") cannot be made again: its payload is damaged, or was overwritten "
                     "when the recording was packed.");
  made_ = {again->event(), thunk};
  if (!again->same_places())
    diverged(message.event, "allocation", "the event at " + hex(made->event), "at " + hex(reinterpret_cast<std::uintptr_t>(again->event())),
             "The event was made in other memory than when it was recorded.");
  return {};
}

void Replayer::made(std::uint32_t id, const detail::EventTypeInfo& type, const detail::EventMaker& make) {
  if (id != reactor_) {
    make_for_another(make);
    return outbound(id, type, nullptr, 0);
  }
  const HeapScope scope(memory_.heap());
  made_ = {static_cast<const std::byte*>(make()), type.thunk};
  void* const event = const_cast<std::byte*>(made_.event);
  outbound(id, type, event, type.bytes);
  if (std::exchange(made_, {}).event == event) make.destroy(event);  // nobody has got it
}

// What it asks and sends was not this reactor's, either, when it was recorded.
void Replayer::make_for_another(const detail::EventMaker& make) {
  const OutsideScope outside;
  const struct Outside {
    int& depth;
    const int before = std::exchange(depth, 0);
    ~Outside() { depth = before; }
  } outside_events{depth_};
  make.destroy(make());
}

}  // namespace afterimage::replay
