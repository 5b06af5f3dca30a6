// A replay that begins with the construction, in another build; and the events that a reactor sends, compared one by one.
#include <algorithm>

#include "afterimage/construction.h"
#include "afterimage/heap.h"
#include "format/sent.h"
#include "replay/replayer.h"

namespace afterimage::replay {
namespace {

using format::InputKind;
using format::SentRecord;

std::size_t first_difference(std::span<const std::byte> a, std::span<const std::byte> b) {
  const auto [in_a, in_b] = std::ranges::mismatch(a, b);
  (void)in_b;
  return static_cast<std::size_t>(in_a - a.begin());
}

}  // namespace

Status Replayer::open_genesis(const std::string& reactor_directory, const Genesis& genesis, const HeapSettings& heap) {
  other_build_.emplace(genesis.reactor_type);
  if (Status status = open_log(reactor_directory); !status) return status;
  events_.leave_out_last_words();
  if (Status status = other_build_->find(events_.channels()); !status) return status;
  if (Status status = memory_.begin_empty(genesis.slot, genesis.slot_bytes, heap); !status) return status;
  if (Status status = construct(reactor_directory + "/genesis"); !status) return status;
  show_to_debugger();
  return {};
}

// The construction is the only event of its own log.
Status Replayer::construct(const std::string& directory) {
  EventSource construction;
  if (Status status = construction.open(directory); !status) return status;
  if (Status status = other_build_->find(construction.channels()); !status) return status;
  std::swap(events_, construction);
  const auto message = events_.next();
  if (!message || message->kind != LogMessage::Kind::event) return Status(0, directory + " does not begin with the construction.");
  detail::Constructed constructed;
  dispatch(*message, &constructed);
  if (constructed.wrong_argument != 0)
    return Status(0, "argument " + std::to_string(constructed.wrong_argument) + " of " + message->channel->type +
                         " has another size in this build than in the recording.");
  if (constructed.object == nullptr) return Status(0, message->channel->type + " threw an exception, which it did not when it was recorded.");
  memory_.heap().set_object(constructed.object);
  std::swap(events_, construction);
  events_.seek(position_ = 0);
  afterimage_replay.position = 0;
  return {};
}

// In the log or not, an event sent to another reactor goes nowhere.
void Replayer::compare_sent(std::uint32_t id, const detail::EventTypeInfo& type, const void* payload, std::size_t bytes) {
  if (supposing()) return;
  const OutsideScope outside;
  const auto inputs = inputs_of_event();
  const auto sent = std::ranges::find_if(inputs, [](const LogMessage& message) { return message.is_input(InputKind::sent); });
  // Recordings that are not from genesis have none.
  if (!other_build_ && (inputs.empty() || sent != inputs.begin())) return;
  const auto record = format::sent_record(id, type, payload, bytes);
  if (sent == inputs.end()) {
    if (!events_.ends_in_this_event()) sent_otherwise("nothing more was sent", describe(SentRecord(record), 0));
    return;
  }
  compare_sent(SentRecord(sent->input_value()), SentRecord(record));
  take(*sent);
}

// Whether the log has it, as the next event.
bool Replayer::sends_to_itself(const detail::EventTypeInfo& type, const void* payload, std::size_t bytes) {
  const OutsideScope outside;
  skip_inputs_not_asked_for(position_);
  const auto next = events_.peek();
  if (!next) return false;
  const auto now = format::sent_record(reactor_, type, payload, bytes);
  if (next->kind != LogMessage::Kind::event) {
    sent_otherwise("nothing more was sent", describe(SentRecord(now), 0));
    return false;
  }
  const auto then = format::sent_record(reactor_, other_build_->type_of(*next->channel), next->data.data(), next->data.size());
  compare_sent(SentRecord(then), SentRecord(now));
  return true;
}

void Replayer::compare_sent(const SentRecord& then, const SentRecord& now) {
  if (then == now) return;
  const bool same_kind = then.type == now.type && then.header.reactor == now.header.reactor;
  const std::size_t from = same_kind ? first_difference(then.kept, now.kept) : 0;
  sent_otherwise(describe(then, from), describe(now, from));
}

void Replayer::sent_otherwise(std::string recorded, std::string replayed) {
  diverged({.event = position_, .kind = "outbound", .call = {}, .site = {}, .recorded = std::move(recorded),
            .replayed = std::move(replayed), .cause = {}});
}

}  // namespace afterimage::replay
