// The way of an event into its reactor and out again. What recording costs an event is spent here, in begin() and end(): two readings
// of the time-stamp counter, two messages, one copy for core dumps, one for the inbox. What is rare is out of line, and the rest is not:
// an event has a few hundred instructions here, and each ten of them are a nanosecond.
#include "base/check_hooks.h"
#include "base/copy.h"
#include "base/exception_count.h"
#include "base/replay_mode.h"
#include "heap/current_heap.h"
#include "inputs/failures.h"
#include "inputs/hooks.h"
#include "record/control_file.h"
#include "record/crash_handler.h"
#include "record/reactor_core.h"
#include "record/recorder_core.h"

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

// The reactor whose react() this thread is in.
__attribute__((tls_model("initial-exec"))) thread_local ReactorCore* t_reactor = nullptr;

// In another heap it is the constructor of a reactor that react() creates; a replay does not run that.
bool in_event() noexcept { return t_reactor != nullptr && current_heap() == t_reactor->heap(); }

void log_call(std::span<const std::byte> record) noexcept {
  const OutsideScope outside;
  t_reactor->log_input(format::InputKind::call, record);
  if (format::is_failure(record)) t_reactor->count_failure();
  if (check_hooks != nullptr) check_hooks->call_recorded(record);
}

inputs::IoPolicy policy() noexcept { return t_reactor->io_policy(); }

constexpr inputs::Hooks kRecordHooks{.in_event = in_event, .policy = policy, .log = log_call, .serve = nullptr, .returned_otherwise = nullptr};

std::span<const std::byte> bytes_of(const void* data, std::size_t bytes) { return {static_cast<const std::byte*>(data), bytes}; }

constexpr std::size_t kInboxAlignment = 64;
constexpr std::size_t kSenderBytes = format::kMessageOverhead + sizeof(format::InputHeader) + sizeof(format::Sender);

}  // namespace

[[gnu::always_inline]] inline std::uint64_t ReactorCore::begin(const EventTypeInfo& type, const void* payload, std::size_t bytes,
                                                               const ReactorCore* sender, std::uint64_t& begun_ns) noexcept {
  const std::uint64_t event = next_event_++;
  if (depth_++ == 0) [[likely]] {
    if (must_prepare()) [[unlikely]] prepare_event(event);
  }
  if (!recording_) [[unlikely]] return event;
  if (!log_event(type, event, bytes_of(payload, bytes), sender, begun_ns)) [[unlikely]] {
    step_aside(log_->failure(), event);
    return event;
  }
  publish(slot_->started, event + 1);
  if (core_reactor_ != nullptr) [[likely]] note_for_core(type, event, bytes_of(payload, bytes));
  return event;
}

inline bool ReactorCore::log_event(const EventTypeInfo& type, std::uint64_t event, std::span<const std::byte> payload,
                                   const ReactorCore* sender, std::uint64_t& begun_ns) noexcept {
  const std::uint16_t channel = log_->channel_of(type, event);
  const std::size_t room = kSenderBytes + payload.size();
  if (channel == 0) [[unlikely]] return false;
  if (!log_->has_room(room) && !log_->make_room(room, event, recorder_->options().wait_for_log)) [[unlikely]] return false;
  if (sender != nullptr) [[unlikely]] log_sender(*sender, event);
  begun_ns = clock_.now_ns();
  log_->append_in_room({channel, static_cast<std::uint32_t>(event), next_time(begun_ns)}, payload);
  return true;
}

inline void ReactorCore::note_for_core(const EventTypeInfo& type, std::uint64_t event, std::span<const std::byte> payload) noexcept {
  if (&type != noted_type_) [[unlikely]] note_type(type);
  recorder_->core_notebook().note({id_, noted_type_index_, event, last_time_ns_}, payload.data(), payload.size());
  publish(core_reactor_->started, event + 1);
}

[[gnu::always_inline]] inline void ReactorCore::end(std::uint64_t event, std::uint64_t begun_ns, bool threw, std::uint64_t outbound) noexcept {
  --depth_;
  if (!recording_) [[unlikely]] return;
  const std::uint64_t now = clock_.now_ns();
  const std::uint64_t duration = now > begun_ns ? now - begun_ns : 0;
  const format::Done done{.duration_ns = duration < UINT32_MAX ? static_cast<std::uint32_t>(duration) : UINT32_MAX,
                          .flags = threw ? std::uint32_t{format::kThrew} : 0,
                          .allocation_fingerprint = heap_->fingerprint(),
                          .outbound_hash = outbound,
                          .event = event};
  if (!log_done({format::kDoneChannel, static_cast<std::uint32_t>(event), next_time(now)}, done)) [[unlikely]]
    return step_aside(log_->failure(), next_event_);
  if (depth_ > 0) [[unlikely]] return;  // an event ends after those that are nested in it, and they count with it
  publish(slot_->finished, next_event_);
  if (core_reactor_ != nullptr) [[likely]] publish(core_reactor_->finished, next_event_);
  boundary_fingerprint_ = done.allocation_fingerprint;
  thread_state_.keep();
  if (recorder_->snapshots().is_ready(*heap_) || snapshot_due(now)) [[unlikely]] advance_snapshot();
}

inline bool ReactorCore::log_done(const format::Message& message, const format::Done& done) noexcept {
  if (!state_digests_) [[likely]] return log_->append_done(message, done, next_event_);
  const format::StateDigests digests = state_digests();
  return log_->append(message, bytes_of(&done, sizeof done), bytes_of(&digests, sizeof digests), next_event_);
}

inline const std::byte* ReactorCore::enter_inbox(const EventTypeInfo& type, const void* payload, std::size_t bytes,
                                                 std::size_t& used) noexcept {
  used = 0;
  const std::size_t room = (bytes + kInboxAlignment - 1) & ~(kInboxAlignment - 1);
  if (type.codec == PayloadCodec::custom || heap_ == nullptr || type.align > kInboxAlignment ||
      room > Heap::kInboxBytes - inbox_used_)
    return static_cast<const std::byte*>(payload);
  std::byte* const place = heap_->inbox() + inbox_used_;
  copy_bytes(place, payload, bytes);
  inbox_used_ += room;
  used = room;
  return place;
}

void log_inputs() noexcept { inputs::hooks = &kRecordHooks; }

Delivery::Delivery(ReactorCore* core, std::uint32_t reactor, const EventTypeInfo& type, const void* payload,
                   std::size_t bytes)
    : core_(core) {
  if (replay_hooks != nullptr) [[unlikely]] {  // `core` belongs to the recorded process
    core_ = nullptr;
    replay_hooks->outbound(reactor, type, payload, bytes);
    return;
  }
  previous_heap_ = t_current_heap.heap();
  if (previous_heap_ != nullptr) [[unlikely]] t_current_heap = {};
  ReactorCore* const sender = t_reactor != core ? t_reactor : nullptr;
  if (sender != nullptr) sender->sends(reactor, type, payload, bytes);
  ensure_signal_stack();
  event_ = core->begin(type, payload, bytes, sender, begun_ns_);
  payload_ = core->enter_inbox(type, payload, bytes, inbox_used_);
  object_ = core->object();
  if (core->heap() != nullptr) outer_heap_event_ = core->heap()->exchange_event(event_ + 1);
  exceptions_ = uncaught_exceptions();

  previous_core_ = std::exchange(t_reactor, core);
  outer_outbound_ = core->outbound();
  core->set_outbound({});
  previous_event_ = std::exchange(t_current_event, {core->id() + std::uint64_t{1}, event_});
  if (check_hooks != nullptr) [[unlikely]] check_hooks->event_begins(core->id(), event_, core->heap());
  t_current_heap = core->heap_range();
}

Delivery::~Delivery() {
  if (core_ == nullptr) return;
  t_current_heap = {};
  if (check_hooks != nullptr) [[unlikely]] check_hooks->event_ends();
  core_->leave_inbox(inbox_used_);
  if (core_->heap() != nullptr) core_->heap()->exchange_event(outer_heap_event_);
  const std::uint64_t outbound = core_->outbound().hash;
  core_->end(event_, begun_ns_, uncaught_exceptions() > exceptions_, outbound);
  core_->set_outbound(outer_outbound_);
  t_reactor = previous_core_;
  t_current_event = previous_event_;
  if (previous_heap_ != nullptr) [[unlikely]] t_current_heap = as_current(previous_heap_);
}

bool logs_construction(const ReactorCore* core) noexcept { return replay_hooks == nullptr && core->logs_genesis(); }

Construction::Construction(ReactorCore* core, const std::type_info& signature, const EventTypeInfo* type, const Bytes& arguments) noexcept
    : previous_heap_(exchange_current_heap(nullptr)), logged_(logs_construction(core)) {
  if (logged_) {
    core->begin_construction(signature, type, arguments);
    previous_core_ = std::exchange(t_reactor, core);
  }
  exchange_current_heap(reactor_heap(core));
}

Construction::~Construction() {
  exchange_current_heap(previous_heap_);
  if (logged_) t_reactor = previous_core_;
}

bool is_replaying() noexcept { return replay_hooks != nullptr; }

NewReactor new_reactor(RecorderCore* recorder, std::string_view name, const std::type_info& type) {
  if (replay_hooks == nullptr) {
    ReactorCore* const core = recorder->create_reactor(name, type);
    return {core, core->id(), nullptr};
  }
  // Another reactor, which is not replayed here; its creator sees the addresses it saw.
  format::CreatedReactor created{};
  std::size_t bytes = 0;
  replay_hooks->input(static_cast<std::uint16_t>(format::InputKind::created_reactor), &created, sizeof created, bytes);
  return {reinterpret_cast<ReactorCore*>(created.core), created.id, reinterpret_cast<void*>(created.object)};
}

// In the replayer there is no core but that of a diverged creation: none.
Heap* reactor_heap(ReactorCore* core) noexcept { return replay_hooks == nullptr ? core->heap() : nullptr; }

void reactor_constructed(ReactorCore* core, void* object) noexcept {
  if (replay_hooks != nullptr) return;
  const OutsideScope outside;
  core->constructed(object);
  if (check_hooks != nullptr) core->tell_check();
  if (t_reactor == nullptr) return;
  const format::CreatedReactor created{.core = reinterpret_cast<std::uintptr_t>(core),
                                       .object = reinterpret_cast<std::uintptr_t>(object),
                                       .id = core->id(),
                                       .reserved = 0};
  t_reactor->log_input(format::InputKind::created_reactor, {reinterpret_cast<const std::byte*>(&created), sizeof created});
}

void delete_reactor(ReactorCore* core) noexcept {
  if (replay_hooks != nullptr) return;
  const OutsideScope outside;
  if (check_hooks != nullptr) check_hooks->reactor_ends(core->heap());
  delete core;
}

void request_snapshot(ReactorCore* core) noexcept {
  if (replay_hooks == nullptr) core->request_snapshot();
}

void state_changed_outside_events(ReactorCore* core) noexcept {
  if (replay_hooks == nullptr) core->require_snapshot();
}

}  // namespace afterimage::detail

namespace afterimage {

void note_failure(std::string_view sentence) noexcept {
  inputs::note_failure("program", sentence, __builtin_return_address(0));
  if (replay_hooks == nullptr && detail::t_reactor != nullptr) detail::t_reactor->request_snapshot();
}

}  // namespace afterimage
