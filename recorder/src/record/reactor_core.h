// One recorded reactor: its heap, its log, its progress. Everything is keyed by reactor, not by thread.
#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "afterimage/foreign_ptr.h"
#include "afterimage/recorder.h"
#include "format/control.h"
#include "format/core_block.h"
#include "heap/current_heap.h"
#include "heap/foreign_frees.h"
#include "heap/heap.h"
#include "heap/inbox.h"
#include "heap/journal.h"
#include "inputs/hooks.h"
#include "os/clock.h"
#include "record/event_log.h"
#include "record/manifest.h"
#include "record/retention.h"
#include "snapshot/snapshot.h"
#include "snapshot/state_digest.h"
#include "snapshot/thread_state.h"
#include "snapshot/variable_rules.h"

namespace afterimage::detail {

class ReactorCore;

// Who delivers an event, and when it is known without asking the clock.
struct EventOrigin {
  const Envelope* envelope = nullptr;  // if it was sent in react()
  std::uint64_t now_ns = 0;            // 0: unknown
};

// An object that comes back to its owner (record/foreign_ptr.cc).
struct ForeignDrop : ForeignRequest {
  LentObject* lent;
  const EventTypeInfo* type;
  Envelope envelope;
};

// What a reactor has sent to others in its current event.
struct Outbound {
  std::uint64_t hash = 0;  // 0: nothing
  std::uint64_t count = 0;
};

class ReactorCore {
 public:
  // `heap` may be null: the reactor then lives in the ordinary heap and is not recorded.
  ReactorCore(std::shared_ptr<RecorderCore> recorder, const Place& place, std::string name, std::string type, Heap* heap);
  ~ReactorCore();

  void note_heap_error(int error) noexcept { heap_error_ = error; }
  // Opens the log; until then, and if it fails, the reactor is not recorded.
  Status lives_in_heap() const;
  Status start_log();
  void constructed(void* object) noexcept;
  void not_constructed(const void* exception) noexcept { exception_ = exception; }
  void tell_check() const noexcept;
  // Instead of a construction; before constructed().
  void restored() noexcept;
  Status save(const std::type_info& type, Bytes& saved) noexcept;

  // With Options::genesis the construction has a log of its own, as if it were an event: all that is asked and sent until
  // constructed() goes there. `type` is null when the arguments cannot be logged.
  bool logs_genesis() const noexcept;
  void begin_construction(const std::type_info& signature, const EventTypeInfo* type, std::span<const std::byte> arguments) noexcept;

  const RecorderCore* recorder() const noexcept { return recorder_.get(); }
  std::uint32_t id() const noexcept { return place_.id; }
  Heap* heap() const noexcept { return heap_; }
  const CurrentHeap& heap_range() const noexcept { return heap_range_; }
  void* object() const noexcept { return object_; }
  void require_snapshot() noexcept { snapshot_required_ = true; }
  void request_snapshot() noexcept {
    if (slot_ != nullptr) __atomic_fetch_add(&slot_->snapshot_requests, 1, __ATOMIC_RELAXED);
  }
  void count_failure() noexcept {
    if (recording_) __atomic_fetch_add(&slot_->failures, 1, __ATOMIC_RELAXED);
  }
  void abandon_after_fork() noexcept;

  // Around react(), in record/delivery.cc. begin() commits the event to the log and gives its number, the time, and the place where react()
  // finds it; end() logs its end and returns the time then.
  struct Event {
    std::uint64_t number, begun_ns;
    const std::byte* payload;
  };
  Event begin(const EventTypeInfo& type, std::span<const std::byte> payload, EventOrigin origin, bool is_prepared) noexcept;
  std::uint64_t end(const Event& event, bool threw) noexcept;

  // Makes an event in the heap (record/making.cc), and describes how, for the log. Throws what that throws.
  struct Made {
    void* event;
    std::span<const std::byte> payload;  // until the next one
    bool is_prepared;  // all that comes before an event has been, but for the thread's state
  };
  Made make_event(const EventMaker& make);
  // The same in react() of this reactor.
  Made make_inside_event(const EventMaker& make);

  // What is known of an event in progress, for one that interrupts it. end() forgets all of it.
  struct Progress {
    Outbound outbound;
    Inbox inbox;  // as far as it is used by it, and those that it has interrupted
    std::uint64_t heap_event;
    HeapListener* listener;  // to one that is being made
  };
  Progress interrupt() noexcept;
  void resume(const Progress& progress) noexcept;

  // An outside value that react() of the current event has got.
  void log_input(format::InputKind kind, std::span<const std::byte> value) noexcept { log_input(kind, value, next_event_ - 1); }

  inputs::IoPolicy io_policy() const noexcept;

  // An event that react() of `event` delivers to another reactor.
  Envelope sends(std::uint64_t event, std::uint32_t reactor, const EventTypeInfo& type, const void* payload, std::size_t bytes) noexcept;

  // What others hold of this reactor, and what they have dropped.
  ForeignQueue& foreign() noexcept { return *foreign_; }
  // An event for each of these. Before the reactor ends.
  void settle() noexcept;

 private:
  std::uint64_t next_time(std::uint64_t now_ns) noexcept {
    return last_time_ns_ = now_ns > last_time_ns_ ? now_ns : last_time_ns_ + 1;
  }
  // One of the types of its events that were delivered last.
  struct KnownType {
    const EventTypeInfo* type = nullptr;
    std::uint16_t channel = 0;
    format::CoreEventKind noted{};  // for the notebook; of the last one's size
  };
  static constexpr std::size_t kKnownTypes = 8;

  void start_recording();
  void take_foreign_requests() noexcept;
  void log_foreign_frees() noexcept;
  void destroy_dropped() noexcept;
  void note_missing(const Status& why) noexcept;
  void end_construction() noexcept;
  void give_up_construction() noexcept;
  Status begin_construction_log(const EventTypeInfo& type, std::span<const std::byte> arguments);
  // Of what is logged now: the construction's, or that of the events.
  EventLog* log() noexcept { return construction_ != nullptr ? construction_.get() : log_.get(); }
  void log_sender(const Envelope& envelope, std::uint64_t event) noexcept;
  void log_input(format::InputKind kind, std::span<const std::byte> value, std::uint64_t event) noexcept;
  // What the log and the notebook know a type by. Null if the log cannot announce it.
  KnownType* known_type(const EventTypeInfo& type, std::uint64_t event) noexcept;
  KnownType* learn(KnownType& known, const EventTypeInfo& type, std::uint64_t event) noexcept;
  const std::byte* place_in_inbox(const EventTypeInfo& type, std::span<const std::byte> payload) noexcept;
  const std::byte* place_in_large_inbox(const EventTypeInfo& type, std::span<const std::byte> payload) noexcept;
  // Whether prepare_event() has something to do.
  bool must_prepare() const noexcept {
    return has_requests(*foreign_) || freed_ != nullptr || in_gap_ ||
           (recording_ && (snapshot_required_ || heap_->fingerprint() != boundary_fingerprint_ || !thread_state_.is_current()));
  }
  // Whether there is something to be logged before an event that is prepared.
  bool must_log_before() const noexcept { return freed_ != nullptr || (recording_ && !thread_state_.is_current()); }
  void log_before_event() noexcept;
  void prepare_event() noexcept;  // the next one, not begun yet
  void prepare_between_events() noexcept;
  void prepare_to_make() noexcept;
  Made made_already(void* event) noexcept;
  bool log_event(const EventTypeInfo& type, Event& event, std::span<const std::byte> payload, EventOrigin origin) noexcept;
  bool log_done(const format::Message& message, const format::Done& done) noexcept;
  bool log_done_with_digests(const format::Message& message, const format::Done& done) noexcept;
  bool snapshot_due(const EventLog& log, std::uint64_t now_ns) const noexcept {
    return now_ns >= snapshot_due_ns_ || log.bytes() >= snapshot_due_bytes_ ||
           __atomic_load_n(&slot_->snapshot_requests, __ATOMIC_RELAXED) != snapshot_requests_;
  }
  SnapshotOrder snapshot_order(std::uint64_t position, std::uint32_t flags) const;
  void log_thread_state() noexcept;
  format::StateDigests state_digests();
  void save_snapshot_now(std::uint32_t flags) noexcept;
  void advance_snapshot() noexcept;
  void begin_or_finish_snapshot();
  void snapshot_taken() noexcept;
  void step_aside(const Status& status, std::uint64_t first_lost) noexcept;
  void try_to_resume() noexcept;
  bool capture_discontinuity(std::uint64_t position);
  void end_gap(std::uint64_t event, bool wait) noexcept;
  static void on_snapshot_written(void* context, const SnapshotOrder& order, std::uint64_t bytes, const Status& status) noexcept;

  // What every event needs, together: react() leaves little of it in the nearest cache.
  Heap* const heap_;
  const CurrentHeap heap_range_;
  ForeignQueue* const foreign_;
  ForeignRequest* freed_ = nullptr;  // by others, since the last event and snapshot; to be logged
  void* object_ = nullptr;
  format::ReactorSlot* slot_ = nullptr;
  format::CoreReactor* core_reactor_ = nullptr;  // null: a core will not tell of this reactor
  std::unique_ptr<EventLog> log_;
  const std::shared_ptr<RecorderCore> recorder_;
  const Place place_;
  int depth_ = 0;  // of nested deliveries to this reactor
  bool recording_ = false;
  bool snapshot_required_ = false;
  bool in_gap_ = false;
  const bool state_digests_;
  std::uint64_t next_event_ = 0;
  os::Clock clock_;
  std::uint64_t last_time_ns_ = 0;
  Outbound outbound_;
  Inbox inbox_;
  SnapshotWriter* snapshots_ = nullptr;  // as long as it is recorded
  std::uint64_t boundary_fingerprint_ = 0;  // of the heap when the last event had ended
  std::uint64_t snapshot_due_bytes_ = UINT64_MAX, snapshot_due_ns_ = UINT64_MAX;  // of log, and when: then it is due
  std::uint64_t snapshot_requests_ = 0;                                           // answered ones
  ThreadState thread_state_;                                                      // as the last event left it
  KnownType known_types_[kKnownTypes];

  const std::string name_, type_;
  const std::string directory_;
  Retention retention_;
  Retention construction_retention_{Bounds{}};
  std::unique_ptr<EventLog> construction_;  // until the reactor is constructed
  const void* exception_ = nullptr;         // or until this is thrown
  ConstructionNote construction_note_;
  struct {  // the events that are not logged at present
    format::Gap events{};
    std::string reason;
    std::uint64_t next_try_ns = 0;
  } gap_;
  ForeignRequest* dropped_ = nullptr;  // objects that are to be destroyed before the next event, oldest first
  HeapJournal journal_;        // of the last event that was made
  Bytes made_payload_;
  Variables variables_;        // those of the last snapshot
  int heap_error_ = 0;         // why there is none
  int snapshot_attempts_ = 0;  // begun since the last one was taken
};

// From now on, what any recorded reactor asks of the world inside react() is logged.
void log_inputs() noexcept;

}  // namespace afterimage::detail
