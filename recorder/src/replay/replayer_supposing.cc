// A replay of what would have been: some events did not come, or brought something else, and all that follows from it is new.
#include <algorithm>
#include <utility>

#include "afterimage/heap.h"
#include "replay/replayer.h"

namespace afterimage::replay {

Status Replayer::suppose(Supposition supposition) {
  supposition_ = std::move(supposition);
  same_allocations_ = true;
  taken_.clear();
  return restore(std::min(end(), std::max(first(), supposition_.first())));
}

void Replayer::deliver(const LogMessage& event, Status& status) {
  if (supposition_.leaves_out(event.event)) return leave_out(event.event);
  LogMessage supposed = event;
  supposed.data = supposition_.payload(event.event, event.data);
  if (event.channel->codec == "trivial" && supposed.data.size() != event.data.size())
    status = Status(0, "the other payload of event " + std::to_string(event.event) + " has " + std::to_string(supposed.data.size()) +
                           " bytes, but " + event.channel->type + " has " + std::to_string(event.data.size()) + ".");
  else if (event.channel->codec == "made")
    status = make_again(supposed);
  if (status.ok()) dispatch(supposed, memory_.object());
}

void Replayer::leave_out(std::uint64_t event) {
  position_ = event;
  skip_rest_of(event);
  if (depth_ == 0) afterimage_replay.position = ++position_;
}

// What the log has of an event that went another way: inputs that nobody asked for, events that it sent to itself.
void Replayer::skip_rest_of(std::uint64_t event) {
  taken_.clear();
  while (const auto message = events_.next()) {
    if (message->kind == LogMessage::Kind::event) position_ = message->event;
    if (message->kind == LogMessage::Kind::done && message->event == event) return;
  }
}

// What it sends now, in the place of what it sent then.
void Replayer::deliver_to_itself(const detail::EventTypeInfo& type, const void* payload, std::size_t bytes) {
  const std::span<const std::byte> data(static_cast<const std::byte*>(payload), bytes);
  auto recorded = next_event_inside();
  const bool same_type = recorded && recorded->channel->thunk == reinterpret_cast<std::uintptr_t>(type.thunk);
  if (!same_type) return type.thunk(memory_.object(), data.data(), data.size());
  events_.next();
  if (supposition_.leaves_out(recorded->event)) return leave_out(recorded->event);
  recorded->data = supposition_.payload(recorded->event, data);
  dispatch(*recorded, memory_.object());
}

// That the reactor sent to itself from the event in progress.
std::optional<LogMessage> Replayer::next_event_inside() {
  const OutsideScope outside;
  for (std::size_t inputs = inputs_of_event().size() + std::exchange(taken_, {}).size(); inputs > 0; --inputs) events_.next();
  const LogMessage* const message = events_.peek();
  if (message == nullptr || message->kind != LogMessage::Kind::event) return std::nullopt;
  return *message;
}

}  // namespace afterimage::replay
