#include "replay/replayer.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>

#include "base/hex.h"
#include "base/outbound_hash.h"
#include "base/registered_events.h"
#include "base/replay_mode.h"
#include "format/control.h"
#include "replay/debugger.h"
#include "replay/time_stamps.h"
#include "snapshot/state_digest.h"
#include "snapshot/thread_state.h"

namespace afterimage::replay {
namespace {

// What it lends says whose it is.
void belongs_to(const Heap& heap, std::uint32_t reactor) { foreign_queue_of(heap).reactor_plus_1 = reactor + 1; }

}  // namespace

Status Replayer::open(const std::string& reactor_directory) {
  if (Status status = open_log(reactor_directory); !status) return status;
  if (Status status = memory_.open(reactor_directory); !status) return status;
  memory_.relocator().walk_by(traversal_of_reactor());
  react_on_clear_stack = memory_.has_state_digests();
  if (Status status = restore(first()); !status) return status;
  show_to_debugger();
  return {};
}

Status Replayer::open_log(const std::string& reactor_directory) {
  return events_.open(reactor_directory, format::read_reactor_slot(reactor_directory + "/../control", reactor_).finished);
}

// Known by the code of its events. AFTERIMAGE_RELOCATION=search is for when its own does not show everything.
detail::RegisteredTraversal::Traverse Replayer::traversal_of_reactor() const {
  const char* const wanted = std::getenv("AFTERIMAGE_RELOCATION");
  if (wanted != nullptr && std::string_view(wanted) == "search") return nullptr;
  const auto has_thunk = [&](const detail::RegisteredEvent& event) {
    return std::ranges::any_of(events_.channels(), [&](const auto& channel) { return thunk_of(channel.second) == event.event().thunk; });
  };
  for (const auto* event = registered_events(); event != nullptr; event = event->next()) {
    if (!has_thunk(*event)) continue;
    for (const auto* traversal = registered_traversals(); traversal != nullptr; traversal = traversal->next())
      if (traversal->reactor() == event->reactor()) return traversal->traverse();
  }
  return nullptr;
}

void Replayer::show_to_debugger() {
  afterimage_replay.first = first();
  afterimage_replay.end = end();
  afterimage_replay.object = memory_.object();
  afterimage_replay.inbox = memory_.heap().inbox();
}

Status Replayer::restore(std::uint64_t position) {
  std::uint64_t restored = 0;
  if (Status status = memory_.restore(position, restored); !status) return status;
  discard_foreign_frees(memory_.heap());
  belongs_to(memory_.heap(), reactor_);
  memory_.heap().listen_again();
  forget_time_stamps();
  events_.seek(restored);
  position_ = restored;
  if (memory_.relocator()) tell_relocation();
  if (!memory_.missing_locale().empty()) warn_about_locale();
  inbox_ = {};
  outside_slot_.clear();
  last_event_ = memory_.heap().inbox();
  made_ = {};
  outbound_ = 0;
  depth_ = 0;
  afterimage_replay.position = position_;
  afterimage_replay.in_react = 0;
  return {};
}

void Replayer::tell_relocation() {
  const std::uint64_t words = memory_.relocator().words().heap + 1;  // none is worth telling, too
  if (words <= most_relocated_) return;
  most_relocated_ = words;
  if (on_relocated != nullptr) on_relocated(memory_.relocator());
}

Status Replayer::run_to(std::uint64_t target, bool from_snapshot, bool (*after_event)(void*, std::uint64_t),
                        void* context) {
  Status status;
  if (from_snapshot || target < position_) status = restore(std::min(target, supposition_.first()));
  while (status.ok() && position_ < target) {
    const std::uint64_t event = position_;
    if (!step(status)) break;
    if (memory_.is_discontinuity(position_)) status = continue_from_snapshot();
    if (keeps_checkpoints && is_strict()) memory_.came_to(position_, position_ == target);
    if (after_event != nullptr && !after_event(context, event)) break;
  }
  return status;
}

// One event, with the inputs before it. False at the end of the log.
bool Replayer::step(Status& status) {
  while (const auto message = events_.next()) {
    switch (message->kind) {
      case LogMessage::Kind::event: deliver(*message, status); return status.ok();
      case LogMessage::Kind::input: apply_input(*message, status); break;
      case LogMessage::Kind::gap: return skip_gap(*message);
      case LogMessage::Kind::done: break;  // of an event before the snapshot
    }
    if (!status.ok()) return false;
  }
  return false;
}

// Behind a gap, or after the program changed the reactor other than by an event.
Status Replayer::continue_from_snapshot() {
  if (!supposing()) return restore(position_);
  return Status(0, "at position " + std::to_string(position_) + " the recording goes on from a snapshot, because events were lost or the program "
                   "changed the reactor other than by an event. What would have been can be followed only up to there.");
}

// The recorder has lost events here, and has made a snapshot behind them. Without that, this is where the replay ends.
bool Replayer::skip_gap(const LogMessage& gap) {
  std::uint64_t count = 0;
  std::memcpy(&count, gap.data.data() + offsetof(format::Gap, count), sizeof count);
  if (!memory_.is_discontinuity(gap.event + count)) return false;
  afterimage_replay.position = position_ = gap.event + count;
  return true;
}

void Replayer::apply_input(const LogMessage& message, Status& status) {
  const auto kind = static_cast<format::InputKind>(message.input_header().kind);
  const std::string event = std::to_string(message.event);
  if (kind == format::InputKind::foreign_frees) return apply_foreign_frees(message);
  if (kind == format::InputKind::sender) return;  // for people
  if (kind == format::InputKind::thread_state && (!is_strict() || memory_.restore_thread_state(message.input_value()))) return;
  if (kind == format::InputKind::entered && !other_build_) return;  // a snapshot has what came of it
  if (kind == format::InputKind::entered)
    status = Status(0, "before event " + event + " the program changed the reactor other than by an event (Reactor::enter). What it did "
                       "is not recorded, so another build can be tested only up to there.");
  else
    status = Status(0, "before event " + event + " the recording has an input of kind " + std::to_string(message.input_header().kind) +
                           ", which this library does not know.");
}

void Replayer::apply_foreign_frees(const LogMessage& message) {
  if (!is_strict() && !same_allocations_) return;  // another block may be there now
  const auto addresses = message.input_value();
  for (std::size_t at = 0; at + sizeof(std::uint64_t) <= addresses.size(); at += sizeof(std::uint64_t)) {
    std::uint64_t address;
    std::memcpy(&address, addresses.data() + at, sizeof address);
    void* const block = reinterpret_cast<void*>(memory_.relocation().to_here(address));
    if (memory_.heap().owns(block)) memory_.heap().deallocate_from(block, nullptr);
  }
  discard_foreign_frees(memory_.heap());
}

// In what would have been it may never have been lent.
void Replayer::nothing_lent(const void* object) {
  if (!is_strict()) return;
  const OutsideScope outside;
  diverged(position_, "allocation", "an object at " + hex(reinterpret_cast<std::uintptr_t>(object)) + ", which somebody else had dropped", "none",
           "The reactor has not lent what it had lent when it was recorded.");
}

auto Replayer::thunk_of(const EventChannel& channel) const -> decltype(detail::EventTypeInfo::thunk) {
  if (other_build_) return other_build_->type_of(channel).thunk;
  return reinterpret_cast<decltype(detail::EventTypeInfo::thunk)>(channel.thunk);
}

void Replayer::dispatch(const LogMessage& message, void* object) {
  const auto thunk = thunk_of(*message.channel);
  const Inbox inbox = inbox_;
  const bool is_made = message.channel->codec == "made";
  const std::byte* const payload = is_made ? std::exchange(made_, {}).event : enter_inbox(message);
  const Outer outer{.position = afterimage_replay.position,
                    .in_react = afterimage_replay.in_react,
                    .payload = afterimage_replay.payload,
                    .payload_bytes = afterimage_replay.payload_bytes,
                    .event_type = afterimage_replay.event_type,
                    .outbound = std::exchange(outbound_, 0),
                    .inbox = inbox,
                    .ends_inside_event = ends_inside_event_,
                    // To the heap a construction is no event: nothing has failed on purpose there.
                    .heap_event = memory_.heap().exchange_event(memory_.object() != nullptr ? message.event + 1 : 0)};
  afterimage_replay.position = position_ = message.event;
  afterimage_replay.payload = payload;
  afterimage_replay.payload_bytes = is_made ? message.channel->bytes : message.data.size();
  afterimage_replay.event_type = message.channel->type.c_str();
  afterimage_replay.in_react = 1;
  ++depth_;

  const bool process_ended_inside = ends_inside_event_ = events_.is_unfinished(message.event);
  Heap* const outside = exchange_current_heap(&memory_.heap());
  try {
    if (!process_ended_inside) thunk(object, payload, message.data.size());
  } catch (...) {
    exchange_current_heap(outside);  // the exception is freed there, as when it was recorded
    finish(message.event, true, outer);
    if (depth_ > 0) throw;  // it goes on through the react() that delivered this event
    return;
  }
  // If it was an exception that ended it, nobody caught it: nor do we, so that it ends as it did, where it was thrown.
  if (process_ended_inside) thunk(object, payload, message.data.size());
  exchange_current_heap(outside);
  finish(message.event, false, outer);
}

void Replayer::finish(std::uint64_t event, bool threw, const Outer& outer) {
  --depth_;
  inbox_ = outer.inbox;
  if (!outside_slot_.empty() && outside_slot_.back().first == depth_) outside_slot_.pop_back();
  memory_.heap().exchange_event(outer.heap_event);
  compare(event, threw, outbound_);
  outbound_ = outer.outbound;
  ends_inside_event_ = outer.ends_inside_event;
  afterimage_replay.in_react = outer.in_react;
  afterimage_replay.payload = outer.payload;
  afterimage_replay.payload_bytes = outer.payload_bytes;
  afterimage_replay.event_type = outer.event_type;
  // Nested events have moved on already.
  if (depth_ == 0) ++position_;
  afterimage_replay.position = depth_ == 0 ? position_ : outer.position;
}

// The same place as when recording, for the same kinds of events.
const std::byte* Replayer::enter_inbox(const LogMessage& message) {
  if (message.channel->codec == "custom") return message.data.data();
  std::byte* const place = place_for(message);
  std::memcpy(place, message.data.data(), message.data.size());
  if (memory_.relocator()) memory_.relocator().relocate_payload(place, message.data.size());
  if (depth_ == 0) last_event_ = place;
  return place;
}

std::byte* Replayer::place_for(const LogMessage& message) {
  const std::size_t bytes = message.data.size(), alignment = message.channel->align;
  if (std::byte* const place = inbox_.take(memory_.heap(), bytes, alignment)) return place;
  const OutsideScope outside;
  auto& copy = outside_slot_.emplace_back(depth_, std::vector<std::byte>(bytes + alignment)).second;
  return reinterpret_cast<std::byte*>(align_up(reinterpret_cast<std::uintptr_t>(copy.data()), alignment));
}

void Replayer::outbound(std::uint32_t id, const detail::EventTypeInfo& type, const void* payload,
                        std::size_t bytes) {
  if (depth_ == 0) return;
  if (id != reactor_) {
    std::vector<std::byte> recorded;  // it goes to somebody who knows only the recorded addresses
    if (memory_.relocator()) {
      const OutsideScope outside;
      recorded = memory_.relocator().as_recorded({static_cast<const std::byte*>(payload), bytes});
      payload = recorded.data();
    }
    outbound_ = outbound_hash(outbound_, id, type, payload, bytes);
    return compare_sent(id, type, payload, bytes);
  }
  if (supposing()) return deliver_to_itself(type, payload, bytes);
  if (other_build_ && !sends_to_itself(type, payload, bytes)) return;
  // To itself, from inside react(): the next event of the log begins here.
  Status status;
  step(status);
}

void Replayer::compare(std::uint64_t event, bool threw, std::uint64_t outbound) {
  if (supposing()) return skip_rest_of(event);
  skip_inputs_not_asked_for(event);
  const LogMessage* const message = events_.peek();
  if (message == nullptr || message->kind != LogMessage::Kind::done || message->event != event) return;
  format::Done done;
  std::memcpy(&done, message->data.data(), sizeof done);
  const auto digests = message->data.subspan(sizeof done);
  events_.next();
  // An exception is memory, too: what it changes in the fingerprint says less than the exception.
  if (((done.flags & format::kThrew) != 0) != threw)
    diverged(event, "exception", threw ? "react() returned" : "react() threw", threw ? "it threw" : "it returned", "");
  else if (compare_done(event, done, outbound) && !threw)  // an exception in flight is memory that is being used
    compare_state(event, digests);
}

// Whether it is worth to look closer.
bool Replayer::compare_done(std::uint64_t event, const format::Done& done, std::uint64_t outbound) {
  const bool same_allocations = done.allocation_fingerprint == memory_.heap().fingerprint();
  same_allocations_ = same_allocations_ && same_allocations;
  if (other_build_) return false;  // it may allocate otherwise; what it sends is compared one by one
  if (!same_allocations)
    diverged(event, "allocation", "fingerprint " + hex(done.allocation_fingerprint), hex(memory_.heap().fingerprint()),
             "The reactor allocated or freed other memory than when it was recorded.");
  else if (done.outbound_hash != outbound)
    diverged(event, "outbound", "hash " + hex(done.outbound_hash), hex(outbound),
             "The reactor sent other events to other reactors, or none.");
  return same_allocations;
}

// Of recordings that have digests.
void Replayer::compare_state(std::uint64_t event, std::span<const std::byte> digests) {
  format::StateDigests recorded;
  if (digests.size() < sizeof recorded) return;
  std::memcpy(&recorded, digests.data(), sizeof recorded);
  const OutsideScope outside_heap;  // of a nested event
  const Variables variables = memory_.variables_at(event);
  ThreadState thread_state(variables.modules);
  thread_state.take();
  const std::vector<std::byte> thread = memory_.relocator().as_recorded(thread_state.bytes());
  const os::AddressRange stacks[] = {{recorded.stack, recorded.stack_bytes}, stack_of_this_thread()};
  const auto heap = [&](Stacks left_out) { return heap_digest(memory_.heap(), left_out, memory_.relocation()); };
  const auto outside = [&](Stacks left_out) { return variables_digest(variables.compared, thread, left_out, memory_.relocation()); };
  // A word that is the same in every replay may happen to lie in the stack that this process was given.
  const auto equal = [&](std::uint64_t then, auto digest) { return then == digest(stacks) || then == digest(Stacks(stacks).first(1)); };
  if (!equal(recorded.heap, heap))
    diverged(event, "state", "heap digest " + hex(recorded.heap), hex(heap(stacks)), "The reactor's memory is not as it was.");
  else if (!equal(recorded.variables, outside))
    diverged(event, "state", "digest of variables " + hex(recorded.variables), hex(outside(stacks)),
             "Global or thread-local variables are not as they were: something else than this reactor writes to them, too.");
}

}  // namespace afterimage::replay
