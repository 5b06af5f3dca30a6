#include "record/reactor_core.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check_hooks.h"
#include "base/copy.h"
#include "base/out_of_memory.h"
#include "heap/libc_heap.h"
#include "heap/retired_heaps.h"
#include "os/locale.h"
#include "record/control_file.h"
#include "record/crash_handler.h"
#include "record/foreign_ptr.h"
#include "record/no_heap.h"
#include "record/recorder_core.h"
#include "record/saved_reactors.h"

namespace afterimage::detail {
namespace {

std::string snapshot_path(const std::string& directory, std::uint64_t position) {
  char name[40];
  std::snprintf(name, sizeof name, "/snap-%012llu.core", static_cast<unsigned long long>(position));
  return directory + name;
}

std::span<const std::byte> bytes_of(const void* data, std::size_t bytes) {
  return {static_cast<const std::byte*>(data), bytes};
}

// Between two snapshots, however small the bounds of what is kept.
constexpr std::uint64_t kLeastLogBytes = std::uint64_t{256} << 10, kLeastNs = 1'000'000;

constexpr std::uint64_t later(std::uint64_t now, std::uint64_t by) noexcept { return by < UINT64_MAX - now ? now + by : UINT64_MAX; }

// A segment stays until all of its events may go: so it is a small part of the bound.
std::size_t segment_bytes_within(std::size_t wanted, const Bounds& bounds) noexcept {
  constexpr std::uint64_t kLeast = std::uint64_t{16} << 10;
  return bounds.bytes == 0 ? wanted : std::min<std::size_t>(wanted, std::max(bounds.bytes / 16, kLeast));
}

// How long a gap lasts at least: until a segment may be ready, and until a disk may have room again.
constexpr std::uint64_t kBehindNs = 1'000'000, kFailingNs = 1'000'000'000;

// Frees by others are logged in parts of so many.
constexpr std::size_t kForeignFreeBatch = 1024;

}  // namespace

ReactorCore::ReactorCore(std::shared_ptr<RecorderCore> recorder, const Place& place, std::string name, std::string type,
                         Heap* heap)
    : heap_(heap), heap_range_(as_current(heap)), foreign_(foreign_queue_for(heap, place.id)),
      recorder_(std::move(recorder)), place_(place), state_digests_(recorder_->options().state_digests), name_(std::move(name)),
      type_(std::move(type)),
      directory_(recorder_->path() + "/r" + std::to_string(place_.id)),
      retention_(recorder_->bounds()) {}

ReactorCore::~ReactorCore() {
  recorder_->forget_reactor(*this);
  if (in_gap_) end_gap(next_event_, true);
  recording_ = false;
  if (heap_ != nullptr && recorder_->is_open()) recorder_->snapshots().let_go(*heap_);  // it reports to this object
  log_.reset();
  if (construction_ != nullptr) give_up_construction();
  if (slot_ != nullptr && slot_->state == format::kReactorLive) publish(slot_->state, format::kDestroyed);
  free_requests(freed_);
  abandon_foreign(*foreign_, heap_, dropped_);
  if (heap_ != nullptr) retire_after(heap_, exception_);
  if (slot_ != nullptr) recorder_->reactor_ended(place_.id);
  else if (object_ == nullptr) recorder_->reactor_never_was(place_.id);
}

// In the child the log and the control file are the parent's: not even their destructors may run.
void ReactorCore::abandon_after_fork() noexcept {
  recording_ = in_gap_ = false;
  slot_ = nullptr;
  core_reactor_ = nullptr;
  (void)log_.release();
  (void)construction_.release();
}

Status ReactorCore::start_log() {
  slot_ = recorder_->control().slot(place_.id);
  if (slot_ == nullptr)
    return Status(ENOSPC, "reactor " + name_ + " is number " + std::to_string(place_.id) + ", a recording holds " +
                              std::to_string(format::kReactorSlots) + ".");
  if (Status status = recorder_->make_directory(directory_); !status) return status;
  const std::size_t segment_bytes = segment_bytes_within(recorder_->options().segment_bytes, recorder_->bounds());
  log_ = std::make_unique<EventLog>(recorder_->segments(), retention_, LogPlace{directory_, segment_bytes, recorder_->uuid(), place_.id});
  return log_->open();
}

void ReactorCore::constructed(void* object) noexcept {
  object_ = object;
  if (heap_ != nullptr) heap_->set_object(object);
  if (!recorder_->is_open()) return;
  if (check_hooks != nullptr) return;  // it looks at the events while they happen
  const bool found = finds_memory([&] {
    end_construction();
    start_recording();
  });
  if (found) return;
  log_.reset();
  step_aside(out_of_memory(), 0);
}

// An object that is not in its heap: valgrind answers malloc() and operator new itself, and a class may have its own.
Status ReactorCore::lives_in_heap() const {
  if (heap_ == nullptr) return no_heap(name_, heap_error_);
  if (!heap_->owns(object_))
    return Status(ENOTSUP, "reactor " + name_ + " is not in its heap: something else has answered operator new, like valgrind.");
  return {};
}

void ReactorCore::start_recording() {
  Status status = lives_in_heap();
  if (status.ok()) status = start_log();
  if (status.ok())
    status = write_file(directory_ + "/reactor.json",
                        reactor_json({place_, name_, type_, *heap_, recorder_->heap_settings(), construction_note_}), recorder_->syncs());
  if (!status.ok()) {
    log_.reset();  // for good
    return step_aside(status, 0);
  }
  core_reactor_ = recorder_->core_notebook().add_reactor(place_.id, name_, type_, heap_->base(), heap_->slot_bytes(), heap_->object());
  slot_->slot_base = heap_->base();
  publish(slot_->state, format::kReactorLive);
  publish_at_least(recorder_->control().get()->reactors, place_.id + 1);
  snapshots_ = &recorder_->snapshots();
  recording_ = true;
  save_snapshot_now(0);
}

void ReactorCore::tell_check() const noexcept {
  check_hooks->reactor_constructed({place_.id, name_.c_str(), type_.c_str(), heap_, this});
}

void ReactorCore::prepare_event() noexcept {
  if (in_gap_) try_to_resume();
  // Somebody called into the reactor other than by an event: a replay can only go on from its result.
  if (recording_ && (snapshot_required_ || heap_->fingerprint() != boundary_fingerprint_)) {
    if (next_event_ > 0 && logs_genesis()) log_input(format::InputKind::entered, {}, next_event_);
    save_snapshot_now(format::kDiscontinuity);
  }
  take_foreign_requests();
  destroy_dropped();
}

ReactorCore::KnownType* ReactorCore::learn(KnownType& known, const EventTypeInfo& type, std::uint64_t event) noexcept {
  const std::uint16_t channel = log_->channel_of(type, event);
  if (channel == 0) return nullptr;
  known = {.type = &type, .channel = channel, .noted = CoreNotebook::kind_of(place_.id, recorder_->core_notebook().index_of(type), 0)};
  return &known;
}

ReactorCore::Progress ReactorCore::interrupt() noexcept {
  if (heap_ == nullptr) return {std::exchange(outbound_, {}), inbox_, 0, nullptr};
  return {std::exchange(outbound_, {}), inbox_, heap_->exchange_event(0), heap_->exchange_listener(nullptr)};
}

void ReactorCore::resume(const Progress& progress) noexcept {
  outbound_ = progress.outbound;
  inbox_ = progress.inbox;
  if (heap_ == nullptr) return;
  heap_->exchange_event(progress.heap_event);
  heap_->exchange_listener(progress.listener);
}

// Objects are only collected: destroying one is an event.
void ReactorCore::take_foreign_requests() noexcept {
  if (!has_requests(*foreign_)) return;
  const ForeignRequests taken = afterimage::take_foreign_requests(*foreign_);
  append_requests(dropped_, taken.others);
  if (taken.frees == nullptr) return;
  free_blocks(*heap_, taken.frees);
  append_requests(freed_, taken.frees);
  boundary_fingerprint_ = heap_->fingerprint();
}

// Before an event that begins now: were there a snapshot in between, it would have them already.
void ReactorCore::log_foreign_frees() noexcept {
  std::uint64_t batch[kForeignFreeBatch];
  while (freed_ != nullptr) {
    std::size_t count = 0;
    for (; freed_ != nullptr && count < kForeignFreeBatch; __libc_free(std::exchange(freed_, freed_->next)))
      batch[count++] = reinterpret_cast<std::uintptr_t>(freed_->block);
    log_input(format::InputKind::foreign_frees, bytes_of(batch, count * sizeof *batch), next_event_);
  }
}

void ReactorCore::log_before_event() noexcept {
  log_foreign_frees();
  if (recording_ && !thread_state_.is_current()) log_thread_state();
}

// What other threads have freed or dropped is not saved; what has been changed by enter() is.
Status ReactorCore::save(const std::type_info& type, Bytes& saved) noexcept {
  if (heap_ == nullptr || !heap_->owns(object_)) return refusal(ENOTSUP, "the reactor does not live in a heap of its own, and so it cannot be saved.");
  if (has_requests(*foreign_)) prepare_between_events();
  const bool has_memory = finds_memory([&] { save_heap(*heap_, type.name(), saved); });
  return has_memory ? Status() : out_of_memory();
}

void ReactorCore::restored() noexcept {
  if (!logs_genesis()) return;
  (void)finds_memory([&] {
    construction_note_ = {.signature = type_ + " (restored)",
                          .missing = "it was restored from what Reactor::save() had saved, so how it was constructed is not known."};
  });
}

void ReactorCore::log_input(format::InputKind kind, std::span<const std::byte> value, std::uint64_t event) noexcept {
  EventLog* const log = recording_ || construction_ != nullptr ? this->log() : nullptr;
  if (log == nullptr) return;
  const format::InputHeader header{static_cast<std::uint16_t>(kind), 0, static_cast<std::uint32_t>(value.size())};
  const format::Message message{format::kInputChannel, static_cast<std::uint32_t>(event), next_time(last_time_ns_)};
  if (!log->append(message, bytes_of(&header, sizeof header), value, next_event_)) step_aside(log->failure(), next_event_);
}

// Also orders the two: no event has an earlier time than the one that sent it.
void ReactorCore::log_sender(const Envelope& envelope, std::uint64_t event) noexcept {
  if (envelope.recorder != recorder_.get()) return;
  last_time_ns_ = std::max(last_time_ns_, envelope.time_ns);
  const format::Sender from{envelope.event, envelope.reactor, envelope.message};
  log_input(format::InputKind::sender, bytes_of(&from, sizeof from), event);
}

SnapshotOrder ReactorCore::snapshot_order(std::uint64_t position, std::uint32_t flags) const {
  ThreadState thread_state(recorder_->variables().modules);
  thread_state.take();
  return {.path = snapshot_path(directory_, position),
          .note = {.version = 1,
                   .reactor = place_.id,
                   .position = position,
                   .parent = position,
                   .kind = format::kFull,
                   .flags = flags | (state_digests_ ? format::kHasStateDigests : 0u),
                   .allocation_fingerprint = heap_->fingerprint(),
                   .object = heap_->object(),
                   .slot_base = heap_->base(),
                   .slot_bytes = heap_->slot_bytes()},
          .thread_state = {thread_state.bytes().begin(), thread_state.bytes().end()},
          .locale = os::locale_names(),
          .on_written = on_snapshot_written,
          .context = const_cast<ReactorCore*>(this),
          .sync = recorder_->syncs()};
}

// Another thread runs the reactor now, or its variables have been used by others since the last event.
void ReactorCore::log_thread_state() noexcept {
  const OutsideScope outside;
  if (!finds_memory([&] { thread_state_.take(); })) return step_aside(out_of_memory(), next_event_);
  log_input(format::InputKind::thread_state, thread_state_.bytes(), next_event_);
}

format::StateDigests ReactorCore::state_digests() {
  const OutsideScope outside;
  thread_state_.take();
  const os::AddressRange stack = stack_of_this_thread();
  return {.heap = heap_digest(*heap_, {&stack, 1}),
          .variables = variables_digest(variables_.compared, thread_state_.bytes(), {&stack, 1}),
          .stack = stack.address,
          .stack_bytes = stack.bytes};
}

inputs::IoPolicy ReactorCore::io_policy() const noexcept {
  switch (recorder_->options().io) {
    case Io::log: return inputs::IoPolicy::log;
    case Io::pass_files_through: return inputs::IoPolicy::pass_files_through;
    case Io::forbid: return inputs::IoPolicy::forbid;
  }
  return inputs::IoPolicy::log;
}

// On this thread, because what follows cannot be replayed without it.
void ReactorCore::save_snapshot_now(std::uint32_t flags) noexcept {
  const OutsideScope outside;
  snapshot_required_ = false;
  boundary_fingerprint_ = heap_->fingerprint();
  free_requests(freed_);  // it has them
  Status status = out_of_memory();
  (void)finds_memory([&] {
    recorder_->refresh_modules();
    status = recorder_->snapshots().save_now(*heap_, snapshot_order(next_event_, flags));
  });
  if (!status.ok()) return step_aside(status, next_event_);
  snapshot_taken();
}

// After an event: completes the snapshot that is on its way, or begins one.
void ReactorCore::advance_snapshot() noexcept {
  const OutsideScope outside;
  // Without memory for it the recording goes on, and the next one is tried when it is due.
  if (!finds_memory([&] { begin_or_finish_snapshot(); })) snapshot_taken();
}

void ReactorCore::begin_or_finish_snapshot() {
  SnapshotWriter& snapshots = recorder_->snapshots();
  const bool ready = snapshots.is_ready(*heap_);
  if (!ready && snapshots.is_busy()) return snapshots.ask_for_turn(*heap_);
  recorder_->refresh_modules();
  SnapshotOrder order = snapshot_order(next_event_, 0);
  if (ready) {
    if (snapshots.finish(*heap_, std::move(order))) snapshot_taken();
    return;
  }
  // With few events and many reactors, a snapshot that waits for an event may always be given up for another one.
  constexpr int kPatientAttempts = 3;
  order.at_once = ++snapshot_attempts_ > kPatientAttempts;
  const auto begun = snapshots.begin(*heap_, order);
  if (begun == SnapshotWriter::Begun::no_room) (void)snapshots.save_now(*heap_, order);
  if (begun == SnapshotWriter::Begun::captured || begun == SnapshotWriter::Begun::no_room) snapshot_taken();
}

void ReactorCore::snapshot_taken() noexcept {
  (void)finds_memory([&] {
    Variables variables = recorder_->variables();
    ThreadState thread_state(variables.modules);
    thread_state.take();
    variables_ = std::move(variables);
    thread_state_ = std::move(thread_state);
  });
  snapshot_attempts_ = 0;
  snapshot_requests_ = __atomic_load_n(&slot_->snapshot_requests, __ATOMIC_RELAXED);
  const Options& options = recorder_->options();
  const Bounds bounds = recorder_->bounds();
  snapshot_due_bytes_ = later(log_->bytes(), most_between_snapshots(options.snapshot_log_bytes, bounds.bytes, kLeastLogBytes));
  snapshot_due_ns_ = later(clock_.now_ns(), most_between_snapshots(options.snapshot_interval_ms * 1'000'000u, bounds.ns, kLeastNs));
}

void ReactorCore::on_snapshot_written(void* context, const SnapshotOrder& order, std::uint64_t bytes,
                                      const Status& status) noexcept {
  auto* const self = static_cast<ReactorCore*>(context);
  // Without this snapshot the recording is still whole: a replay begins at an earlier one.
  if (!status.ok()) return self->recorder_->report(status);
  publish(self->slot_->snapshot_position, order.note.position);
  const std::uint64_t now = os::realtime_ns();
  const bool is_full = order.note.kind == format::kFull;
  const bool noted = finds_memory([&] {
    for (const std::string& path : self->retention_.snapshot_written(order.path, order.note.position, bytes, now, is_full))
      unlink(path.c_str());
  });
  if (!noted) self->recorder_->report(out_of_memory());
}

void ReactorCore::step_aside(const Status& status, std::uint64_t first_lost) noexcept {
  const OutsideScope outside;
  recording_ = false;
  in_gap_ = log_ != nullptr;
  gap_.events = {first_lost, 0, static_cast<std::uint32_t>(status.error())};
  if (!finds_memory([&] { gap_.reason = status.message(); })) gap_.reason.clear();
  gap_.next_try_ns = clock_.now_ns() + (status.error() == EAGAIN ? kBehindNs : kFailingNs);
  if (status.error() == EAGAIN) return;  // as the program has chosen, and as the log will say
  if (slot_ != nullptr) publish(slot_->state, format::kSteppedAside);
  recorder_->report(status);
}

// When there is a segment again, and a copy of the heap can be made: a replay that comes from earlier events goes on from that.
void ReactorCore::try_to_resume() noexcept {
  const OutsideScope outside;
  const std::uint64_t now = clock_.now_ns();
  if (now < gap_.next_try_ns) return;
  gap_.next_try_ns = now + (gap_.events.error == EAGAIN ? kBehindNs : kFailingNs);
  bool captured = false;
  (void)finds_memory([&] { captured = log_->can_resume() && capture_discontinuity(next_event_); });
  if (captured) free_requests(freed_), end_gap(next_event_, false);
  if (!recording_) return;
  snapshot_required_ = false;
  boundary_fingerprint_ = heap_->fingerprint();
  snapshot_taken();
}

bool ReactorCore::capture_discontinuity(std::uint64_t position) {
  SnapshotOrder order = snapshot_order(position, format::kDiscontinuity);
  order.at_once = true;
  const auto begun = recorder_->snapshots().begin(*heap_, order);
  if (begun == SnapshotWriter::Begun::no_room) return recorder_->snapshots().save_now(*heap_, order).ok();
  return begun == SnapshotWriter::Begun::captured;
}

void ReactorCore::end_gap(std::uint64_t event, bool wait) noexcept {
  gap_.events.count = event - gap_.events.first;
  if (!log_->resume(gap_.events, gap_.reason, next_time(clock_.now_ns()), wait)) return;
  in_gap_ = false;
  recording_ = true;
  if (gap_.events.error == EAGAIN) return;
  publish(slot_->state, format::kReactorLive);
  recorder_->report_recovery();
}

}  // namespace afterimage::detail
