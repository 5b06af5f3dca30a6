// The way of an event into its reactor and out again. What recording costs an event is spent here, in begin() and end(): two readings
// of the time-stamp counter (one, where events come together), two messages, one copy for core dumps, one for the inbox. What is rare is
// out of line, and the rest is not.
#include "base/check_hooks.h"
#include "base/copy.h"
#include "base/out_of_memory.h"
#include "base/replay_mode.h"
#include "heap/current_heap.h"
#include "heap/libc_heap.h"
#include "inputs/hooks.h"
#include "record/control_file.h"
#include "record/crash_handler.h"
#include "record/current_event.h"
#include "record/reactor_core.h"
#include "record/recorder_core.h"

#include <utility>

namespace {

__attribute__((noinline)) void clear_stack_below() {
  volatile std::byte stack[64 * 1024];
  for (auto& byte : stack) byte = std::byte{0};
}

}  // namespace

extern "C" __attribute__((noinline)) void afterimage_before_react() {
  asm volatile("");  // debuggers skip the prologue of a function with a body, and the optimiser must not see through it
  if (afterimage::react_on_clear_stack) [[unlikely]] clear_stack_below();
}

namespace afterimage::detail {
namespace {

// In another heap it is the constructor of a reactor that react() creates; a replay does not run that.
bool in_event() noexcept {
  const ReactorCore* const reactor = t_record.current.reactor;
  return reactor != nullptr && current_heap() == reactor->heap();
}

void log_call(std::span<const std::byte> record) noexcept {
  const OutsideScope outside;
  ReactorCore& reactor = *t_record.current.reactor;
  reactor.log_input(format::InputKind::call, record);
  if (format::is_failure(record)) reactor.count_failure();
  if (check_hooks != nullptr) check_hooks->call_recorded(record);
}

inputs::IoPolicy policy() noexcept { return t_record.current.reactor->io_policy(); }

constexpr inputs::Hooks kRecordHooks{.in_event = in_event, .policy = policy, .log = log_call, .serve = nullptr, .returned_otherwise = nullptr};

std::span<const std::byte> bytes_of(const void* data, std::size_t bytes) { return {static_cast<const std::byte*>(data), bytes}; }

constexpr std::size_t kSenderBytes = format::kMessageOverhead + sizeof(format::InputHeader) + sizeof(format::Sender);

}  // namespace

void log_inputs() noexcept { inputs::hooks = &kRecordHooks; }

[[gnu::always_inline]] inline ReactorCore::Event ReactorCore::begin(const EventTypeInfo& type, std::span<const std::byte> payload,
                                                                    EventOrigin origin, bool is_prepared) noexcept {
  if (depth_ == 0 && (is_prepared ? must_log_before() : must_prepare())) [[unlikely]] {
    if (!is_prepared) prepare_event();
    log_before_event();
    origin.now_ns = 0;  // that may have taken its time
  }
  ++depth_;
  Event event{.number = next_event_++, .begun_ns = 0, .payload = payload.data()};
  if (recording_) [[likely]] {
    if (!log_event(type, event, payload, origin)) [[unlikely]] step_aside(log_->failure(), event.number);
  }
  if (heap_ != nullptr) [[likely]] {
    event.payload = place_in_inbox(type, payload);
    heap_->exchange_event(event.number + 1);
  }
  return event;
}

[[gnu::always_inline]] inline bool ReactorCore::log_event(const EventTypeInfo& type, Event& event, std::span<const std::byte> payload,
                                                          EventOrigin origin) noexcept {
  EventLog& log = *log_;
  KnownType* const known = known_type(type, event.number);
  if (known == nullptr) [[unlikely]] return false;
  const std::size_t room = kSenderBytes + payload.size();
  if (!log.has_room(room)) [[unlikely]] {
    if (!log.make_room(room, event.number, recorder_->options().wait_for_log)) return false;
    origin.now_ns = 0;
  }
  if (origin.envelope != nullptr) [[unlikely]] log_sender(*origin.envelope, event.number);
  event.begun_ns = origin.now_ns != 0 ? origin.now_ns : clock_.now_ns();
  const std::uint64_t time_ns = next_time(event.begun_ns);
  log.append_in_room({known->channel, static_cast<std::uint32_t>(event.number), time_ns}, payload);
  publish(slot_->started, event.number + 1);
  if (core_reactor_ == nullptr) [[unlikely]] return true;
  if (known->noted.bytes != payload.size()) [[unlikely]] known->noted = CoreNotebook::kind_of(place_.id, known->noted.type, payload.size());
  recorder_->core_notebook().note(known->noted, event.number, time_ns, payload.data());
  publish(core_reactor_->started, event.number + 1);
  return true;
}

inline ReactorCore::KnownType* ReactorCore::known_type(const EventTypeInfo& type, std::uint64_t event) noexcept {
  KnownType& known = known_types_[reinterpret_cast<std::uintptr_t>(&type) / sizeof(EventTypeInfo) % kKnownTypes];
  if (known.type == &type) [[likely]] return &known;
  return learn(known, type, event);
}

// Copies an event that is delivered in place to its address inside the slot.
inline const std::byte* ReactorCore::place_in_inbox(const EventTypeInfo& type, std::span<const std::byte> payload) noexcept {
  if (!is_in_place(type.codec)) return payload.data();
  if (!inbox_.has_room(payload.size(), type.align)) [[unlikely]] return place_in_large_inbox(type, payload);
  std::byte* const place = inbox_.take_room(*heap_, payload.size());
  copy_bytes(place, payload.data(), payload.size());
  return place;
}

// Where there is no place, react() sees the sender's copy.
const std::byte* ReactorCore::place_in_large_inbox(const EventTypeInfo& type, std::span<const std::byte> payload) noexcept {
  std::byte* const place = inbox_.take_large(*heap_, payload.size(), type.align);
  if (place == nullptr) return payload.data();
  copy_bytes(place, payload.data(), payload.size());
  return place;
}

[[gnu::always_inline]] inline std::uint64_t ReactorCore::end(const Event& event, bool threw) noexcept {
  --depth_;
  const std::uint64_t outbound = std::exchange(outbound_, {}).hash;
  inbox_ = {};
  if (heap_ != nullptr) [[likely]] heap_->exchange_event(0);
  if (!recording_) [[unlikely]] return 0;
  const std::uint64_t now = clock_.now_ns();
  const std::uint64_t duration = now > event.begun_ns ? now - event.begun_ns : 0;
  const format::Done done{.duration_ns = duration < UINT32_MAX ? static_cast<std::uint32_t>(duration) : UINT32_MAX,
                          .flags = threw ? std::uint32_t{format::kThrew} : 0,
                          .allocation_fingerprint = heap_->fingerprint(),
                          .outbound_hash = outbound,
                          .event = event.number};
  if (!log_done({format::kDoneChannel, static_cast<std::uint32_t>(event.number), next_time(now)}, done)) [[unlikely]] {
    step_aside(log_->failure(), next_event_);
    return 0;
  }
  if (depth_ > 0) [[unlikely]] return now;  // an event ends after those that are nested in it, and they count with it
  publish(slot_->finished, next_event_);
  if (core_reactor_ != nullptr) [[likely]] publish(core_reactor_->finished, next_event_);
  boundary_fingerprint_ = done.allocation_fingerprint;
  thread_state_.keep();
  if (!snapshots_->is_ready(*heap_) && !snapshot_due(*log_, now)) [[likely]] return now;
  advance_snapshot();
  return 0;  // what came after `now` is not the next event's
}

[[gnu::always_inline]] inline bool ReactorCore::log_done(const format::Message& message, const format::Done& done) noexcept {
  if (!state_digests_) [[likely]] return log_->append_done(message, done, next_event_);
  return log_done_with_digests(message, done);
}

bool ReactorCore::log_done_with_digests(const format::Message& message, const format::Done& done) noexcept {
  format::StateDigests digests;
  // Without memory for them the event has none, and its replay is not compared by them.
  if (!finds_memory([&] { digests = state_digests(); })) return log_->append_done(message, done, next_event_);
  return log_->append(message, bytes_of(&done, sizeof done), bytes_of(&digests, sizeof digests), next_event_);
}

namespace {

// react() of one event, from its beginning to its end.
class EventScope {
 public:
  [[gnu::always_inline]] EventScope(ReactorCore& core, const EventTypeInfo& type, std::span<const std::byte> payload, const EventOrigin& origin,
                                    bool is_prepared)
      : core_(core), event_(core.begin(type, payload, origin, is_prepared)) {
    t_record.current = {.reactor = &core, .reactor_plus_1 = core.id() + std::uint64_t{1}, .event = event_.number};
    t_current_heap = core.heap_range();
  }
  [[gnu::always_inline]] ~EventScope() {
    if (!has_ended_) [[unlikely]] end_by_exception(core_, event_);
  }
  EventScope(const EventScope&) = delete;
  EventScope& operator=(const EventScope&) = delete;

  const ReactorCore::Event& event() const noexcept { return event_; }
  // Returns the time, if it is still that.
  [[gnu::always_inline]] std::uint64_t end() noexcept {
    has_ended_ = true;
    return leave(core_, event_, false);
  }

 private:
  [[gnu::always_inline]] static std::uint64_t leave(ReactorCore& core, const ReactorCore::Event& event, bool threw) noexcept {
    t_current_heap = {};
    t_record.current.reactor = nullptr;
    t_record.current.reactor_plus_1 = 0;
    return core.end(event, threw);
  }
  // By value, so that the event can stay in registers during react().
  [[gnu::noinline, gnu::cold]] static void end_by_exception(ReactorCore& core, ReactorCore::Event event) noexcept { leave(core, event, true); }

  ReactorCore& core_;
  const ReactorCore::Event event_;
  bool has_ended_ = false;
};

// What a delivery interrupts, put back at its end: by react() of another event, or by a program inside a heap.
class Interruption {
 public:
  explicit Interruption(ReactorCore& core) noexcept
      : core_(core), heap_(exchange_current_heap(nullptr)), current_(std::exchange(t_record.current, {})), progress_(core.interrupt()) {}
  ~Interruption() {
    core_.resume(progress_);
    t_record.current = current_;
    exchange_current_heap(heap_);
  }
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;

  // If another reactor delivers, it has sent this.
  Envelope sent(std::uint32_t reactor, const EventTypeInfo& type, const void* payload, std::size_t bytes) const noexcept {
    if (current_.reactor == nullptr || current_.reactor == &core_) return {};
    return current_.reactor->sends(current_.event, reactor, type, payload, bytes);
  }

 private:
  ReactorCore& core_;
  Heap* const heap_;
  const CurrentEvent current_;
  const ReactorCore::Progress progress_;
};

// For `afterimage check`, around react() but outside of the heap.
class CheckedEvent {
 public:
  CheckedEvent(const ReactorCore& core, std::uint64_t event) noexcept {
    const OutsideScope outside;
    if (check_hooks != nullptr) check_hooks->event_begins(core.id(), event, core.heap());
  }
  ~CheckedEvent() {
    const OutsideScope outside;
    if (check_hooks != nullptr) check_hooks->event_ends();
  }
  CheckedEvent(const CheckedEvent&) = delete;
  CheckedEvent& operator=(const CheckedEvent&) = delete;
};

// The same around the function that makes an event: what it writes is in the event, or the sender's own.
class CheckedMaking {
 public:
  CheckedMaking() noexcept {
    if (check_hooks != nullptr) check_hooks->value_begins();
  }
  ~CheckedMaking() {
    if (check_hooks != nullptr) check_hooks->value_ends();
  }
  CheckedMaking(const CheckedMaking&) = delete;
  CheckedMaking& operator=(const CheckedMaking&) = delete;
};

// Neither inside another event or heap, nor anything but a recording; and not the thread's first event.
[[gnu::always_inline]] inline bool is_plain_delivery() noexcept {
  return t_current_heap.base == 0 && t_record.current.reactor == nullptr && t_record.has_signal_stack && replay_hooks == nullptr &&
         check_hooks == nullptr;
}

// `enter(object, payload)` is react(), and what leads there. Returns the time, or 0.
template <typename Enter>
[[gnu::always_inline]] inline std::uint64_t react_to(ReactorCore& core, const EventTypeInfo& type, std::span<const std::byte> payload,
                                                     const EventOrigin& origin, const Enter& enter, bool is_prepared = false) {
  EventScope scope(core, type, payload, origin, is_prepared);
  enter(core.object(), scope.event());
  return scope.end();
}

// The same of an event that comes with an envelope, under the eyes of a check.
template <typename Enter>
void react_to_sent(ReactorCore& core, const EventTypeInfo& type, std::span<const std::byte> payload, const Envelope& envelope, const Enter& enter,
                   bool is_prepared = false) {
  const auto checked = [&](void* object, const ReactorCore::Event& event) {
    const CheckedEvent scope(core, event.number);
    enter(object, event);
  };
  react_to(core, type, payload, {.envelope = &envelope}, checked, is_prepared);
}

template <typename Enter>
[[gnu::noinline]] void deliver_otherwise(ReactorCore* core, std::uint32_t reactor, const EventTypeInfo& type, std::span<const std::byte> payload,
                                         const Enter& enter) {
  // `core` belongs to the recorded process then.
  if (replay_hooks != nullptr) return replay_hooks->outbound(reactor, type, payload.data(), payload.size());
  ensure_signal_stack();
  const Interruption outer(*core);
  react_to_sent(*core, type, payload, outer.sent(reactor, type, payload.data(), payload.size()), enter);
}

}  // namespace

void deliver_events(ReactorCore* core, std::uint32_t reactor, const EventTypeInfo& type, const void* events, std::size_t bytes, std::size_t count) {
  const auto enter = [&](void* object, const ReactorCore::Event& event) { type.thunk(object, event.payload, bytes); };
  std::span payload(static_cast<const std::byte*>(events), bytes);
  EventOrigin origin;
  for (; count > 0; --count, payload = {payload.data() + bytes, bytes}) {
    if (is_plain_delivery()) [[likely]] origin.now_ns = react_to(*core, type, payload, origin, enter);
    else deliver_otherwise(core, reactor, type, payload, enter);
  }
}

void deliver_event(ReactorCore* core, std::uint32_t reactor, const EventTypeInfo& type, const void* payload, std::size_t bytes) {
  const auto enter = [&](void* object, const ReactorCore::Event& event) { type.thunk(object, event.payload, bytes); };
  if (is_plain_delivery()) [[likely]] react_to(*core, type, bytes_of(payload, bytes), {}, enter);
  else deliver_otherwise(core, reactor, type, bytes_of(payload, bytes), enter);
}

void deliver_decoded(ReactorCore* core, std::uint32_t reactor, const EventTypeInfo& type, std::span<const std::byte> payload,
                     void (*react)(void* object, const void* event), const void* decoded) {
  const auto enter = [&](void* object, const ReactorCore::Event&) { react(object, decoded); };
  if (is_plain_delivery()) [[likely]] react_to(*core, type, payload, {}, enter);
  else deliver_otherwise(core, reactor, type, payload, enter);
}

void deliver_made_event(ReactorCore* core, std::uint32_t reactor, const EventTypeInfo& type, const EventMaker& make) {
  if (replay_hooks != nullptr) return replay_hooks->made(reactor, type, make);
  ensure_signal_stack();
  // To itself: then it is made by the event in progress, like all else that this does.
  const bool is_inside = t_record.current.reactor == core;
  ReactorCore::Made made;
  if (is_inside) made = core->make_inside_event(make);
  const Interruption outer(*core);
  if (!is_inside) {
    const CheckedMaking checked;
    made = core->make_event(make);
  }
  const auto enter = [&](void* object, const ReactorCore::Event&) { type.thunk(object, static_cast<const std::byte*>(made.event), type.bytes); };
  react_to_sent(*core, type, made.payload, outer.sent(reactor, type, nullptr, 0), enter, made.is_prepared);
}

// To itself a reactor sends nothing: what it delivers to itself is a part of its react(), or an event like those from outside.
Envelope send(std::uint32_t reactor, const EventTypeInfo& type, const void* payload, std::size_t bytes) noexcept {
  if (this_owner().reactor == reactor) return {};
  if (replay_hooks != nullptr) return replay_hooks->outbound(reactor, type, payload, bytes), Envelope{};
  const CurrentEvent& current = t_record.current;
  return current.reactor != nullptr ? current.reactor->sends(current.event, reactor, type, payload, bytes) : Envelope{};
}

void deliver_sent(ReactorCore* core, std::uint32_t reactor, const EventTypeInfo& type, const void* payload, std::size_t bytes,
                  void (*react)(void* object, const void* event), const void* event, const Envelope& envelope) {
  const auto enter = [&](void* object, const ReactorCore::Event& placed) {
    if (react != nullptr) react(object, event);
    else type.thunk(object, placed.payload, bytes);
  };
  // In react() of another reactor it is that one's.
  if (replay_hooks != nullptr || t_record.current.reactor != nullptr) return deliver_otherwise(core, reactor, type, bytes_of(payload, bytes), enter);
  ensure_signal_stack();
  const Interruption outer(*core);
  react_to_sent(*core, type, bytes_of(payload, bytes), envelope, enter);
}

void run_outside(void (*function)(void* context), void* context) {
  ReactorCore* const reactor = t_record.current.reactor;
  if (reactor == nullptr) {
    const OutsideScope outside;
    return function(context);
  }
  const Interruption outer(*reactor);
  const CheckedMaking checked;
  function(context);
}

// For events whose coming is prepared.
void ReactorCore::destroy_dropped() noexcept {
  if (dropped_ == nullptr) return;
  const Interruption outer(*this);
  while (dropped_ != nullptr) {
    const auto drop = static_cast<ForeignDrop*>(std::exchange(dropped_, dropped_->next));
    const EventTypeInfo& type = *drop->type;
    const std::span payload = bytes_of(&drop->lent, sizeof drop->lent);
    const auto enter = [&](void* object, const Event& event) { type.thunk(object, event.payload, payload.size()); };
    react_to_sent(*this, type, payload, drop->envelope, enter, true);
    __libc_free(drop);
  }
}

void ReactorCore::settle() noexcept {
  if (has_objects(*foreign_)) prepare_between_events();
}

// Objects that are destroyed are events, on a thread that perhaps never had one.
void ReactorCore::prepare_between_events() noexcept {
  if (depth_ > 0) return;
  ensure_signal_stack();
  prepare_event();
}

}  // namespace afterimage::detail
