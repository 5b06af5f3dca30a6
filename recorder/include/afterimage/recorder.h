// Records reactors: every event before it is processed, and snapshots of each reactor's heap.
//
//     auto recorder = afterimage::Recorder::open({.directory = "recordings"});
//     auto board    = recorder.create<FlightBoard>("board");     // constructed inside its own heap
//     for (const Flight& flight : flights) board.deliver(flight);  // committed to the log, then board->react(flight)
//
// Errors: nothing here throws on its own account. If recording is impossible, or becomes so (full disk), the reactors
// go on unrecorded, the reason is printed once to stderr, and status() has it. Exceptions of the reactor pass through; so does
// std::bad_alloc where there is not even memory for a Recorder or a Reactor.
//
// Threads: `deliver` on one reactor must be called as if by one thread (any thread, one at a time), which is what being a
// reactor means; different reactors may be driven by different threads. Recorder itself is thread-safe.
#pragma once
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <typeinfo>
#include <utility>

#include "afterimage/codec.h"
#include "afterimage/construction.h"
#include "afterimage/event_type.h"
#include "afterimage/foreign_ptr.h"
#include "afterimage/heap.h"
#include "afterimage/made.h"
#include "afterimage/posted.h"
#include "afterimage/react.h"
#include "afterimage/status.h"

namespace afterimage {

// For files, sockets and processes; asking for the time, for chance and for the environment is always logged, and text on
// standard output and error always allowed.
enum class Io {
  log,                 // what comes in is recorded and served to the replay
  pass_files_through,  // so it is, except for files that are only read: the replay reads them again, and says if they have changed
  forbid,              // it fails with EPERM, in production, too, and is told on stderr
};

enum class Memory {
  fast,
  kinda_safe,  // every SafePtr (afterimage/safe_ptr.h) knows when its object is gone: 4 bytes for each 16 bytes of heap, and slower frees
};

struct Options {
  // Where recordings are put: each run makes `<directory>/<program>-<time>-<pid>.afterimage/`. Empty: nothing is recorded; reactors have
  // heaps of their own all the same, and can be saved and restored.
  std::string directory = "recordings";
  // Size of one event segment; the first ones are smaller. An event larger than a segment gets one of its own.
  std::size_t segment_bytes = std::size_t{16} << 20;
  // A snapshot of a reactor is taken at the first event boundary after this many bytes of its log. 0: only where keep_bytes needs one.
  std::uint64_t snapshot_log_bytes = std::uint64_t{32} << 20;
  // ... or after this many milliseconds. 0: only where keep_ms needs one. A reactor without events has no boundaries, and keeps its state.
  std::uint64_t snapshot_interval_ms = 0;
  // When events come faster than segments can be prepared: true makes deliver() wait; false goes on without recording, until a
  // segment and a new snapshot can be had. The log then names the events that it lost (a gap). A full or failing disk is not
  // waited for in any case: it makes a gap, and is tried again once a second.
  bool wait_for_log = true;
  // 0: the recording outlives its process, however that ends, but not the machine. Otherwise all of it is also written to the disk so
  // often, in the background: a power failure loses at most so many milliseconds, and what is written while the disk is busy. The event
  // that was the last to get there may be torn, as may those larger than a page (FORMAT.md, section 6).
  std::uint64_t sync_interval_ms = 0;
  // What a reactor sends to others is recorded as a hash, by which a replay is compared. true: with its bytes as well.
  bool record_sent_events = false;
  // How a snapshot is copied while the reactor goes on: "precopy", "fork", "cow-uffd", "cow-mprotect", or "stop" (it does not
  // go on). "auto" and what is not possible on this machine: the best that is. Small reactors always stop.
  std::string snapshot_engine = "auto";
  // Whether system calls may write into memory of the reactors (read() into a buffer that was allocated in react()). Then
  // engines which make such calls fail with EFAULT during a snapshot are not used.
  bool reactors_do_io = true;
  // Write only what has changed since the last snapshot, where that is known (engine "precopy"): much less to write for a
  // large reactor, at a price of 1.4 us for the first write to a page between two snapshots. For recordings with one large reactor.
  bool snapshot_deltas = false;
  // Compress snapshots with zstd, at this level (1 to 22; below 0: faster and larger). 0: not at all. The background thread does it, at
  // several times the cost of writing. Snapshots that a reactor waits for, like its first one, stay as they are.
  int snapshot_compression = 0;
  // Bounds of what is kept of each reactor: bytes on disk (events and snapshots), and history in milliseconds. 0: no bound.
  // The oldest snapshot and the events up to the next one are dropped together, when a newer snapshot has been written: so one is due
  // after a quarter of a bound at the latest, and so much beyond it is kept meanwhile, beside the snapshot. The newest complete
  // snapshot and every event since are always kept, even beyond the bounds.
  std::uint64_t keep_bytes = std::uint64_t{1} << 30;
  std::uint64_t keep_ms = 0;
  // No reactor may use more memory than this: what it allocates beyond fails (std::bad_alloc), and does so at the same place in the
  // replay, and is named on stderr and in the recording (the first 16 times). 0: 64 GiB.
  std::uint64_t heap_limit_bytes = 0;
  // Whether dangling SafePtrs are found.
  Memory memory = Memory::fast;
  // What is wrong in any case, a double free, or free() of what is no block, is named on stderr and in the recording, and ignored. true: the
  // program ends there, with SIGABRT, and so it does at an access by a dangling SafePtr. Inside react() only.
  bool stop_at_misuse = false;
  // For tests of the program. AFTERIMAGE_FAIL_ALLOCATIONS in the environment replaces it: "nth=100", "probability=0.01,seed=7", "above=4096".
  FailAllocations fail_allocations = {};
  // Note signal, registers and fault address in the recording when the program crashes. Earlier handlers are called on.
  bool crash_handler = true;
  // What becomes of the input and output that react() does by itself.
  Io io = Io::log;
  // Record how each reactor was constructed, and what it sends to others, and keep everything from there on: neither bound
  // above applies. `afterimage test` then runs the recording in a changed build, from the construction on, and compares.
  bool genesis = false;
  // Whose global and thread-local variables are part of the state, besides those of the executable: "auto" is all libraries
  // but the C and C++ run-time's, "none" is none; "+NAME" and "-NAME" add and take away libraries whose file names begin so:
  // "auto,-libcurl". AFTERIMAGE_VARIABLES_OF in the environment replaces it.
  std::string variables_of = "auto";
  // Note a digest of the whole state after every event. A replay compares them and names the first event that differs. For tests:
  // each event takes as long as reading all of the reactor's memory.
  bool state_digests = false;
  // Of the reactors that are gone, so many stay in the recording: those that went last, and before others those with failures
  // (note_failure). With `genesis` all do. There is room for 4096 reactors; a new one takes the place of one that is gone when there is none left.
  std::uint32_t keep_ended_reactors = 4096;
};

namespace detail {

struct AnyField {
  template <typename T>
  operator T() const;
};

template <typename T, typename... Fields>
consteval std::uint32_t count_fields() {
  if constexpr (requires { T{Fields{}..., AnyField{}}; }) return count_fields<T, Fields..., AnyField>();
  else return sizeof...(Fields);
}

}  // namespace detail

// A program says which Options it was compiled with, and the library does not read others. Each version has more fields than the last.
inline constexpr std::uint32_t kOptionsVersion = detail::count_fields<Options>();

// Inside react(): something is wrong, and the program goes on. The sentence is put into the recording (`afterimage info` lists it), and a
// snapshot is made at the end of the event. What ends the program (assert(), abort(), an uncaught exception) notes itself.
AFTERIMAGE_API void note_failure(std::string_view sentence) noexcept;

class Traversal;
template <typename T>
class Reactor;
template <typename T>
class ReactorRef;

namespace detail {

class ReactorCore;
class RecorderCore;

// Commits an event to the log, runs the type's thunk in the reactor's heap, and logs the end (also when react() throws); then takes a
// snapshot if one is due. In the replayer another reactor is addressed: what leaves the reactor is compared, not delivered.
AFTERIMAGE_API void deliver_event(ReactorCore* core, std::uint32_t reactor, const EventTypeInfo& type, const void* payload, std::size_t bytes);
// `count` events, one behind the other, of `bytes` each.
AFTERIMAGE_API void deliver_events(ReactorCore* core, std::uint32_t reactor, const EventTypeInfo& type, const void* events, std::size_t bytes,
                                   std::size_t count);
// An event that was encoded for the log: react(object, event) instead of the thunk.
AFTERIMAGE_API void deliver_decoded(ReactorCore* core, std::uint32_t reactor, const EventTypeInfo& type, std::span<const std::byte> payload,
                                    void (*react)(void* object, const void* event), const void* event);

struct NewReactor {
  ReactorCore* core;
  std::uint32_t id;
  void* object;  // in the replayer: the recorded address of a reactor that does not exist here; else null
};

// Creates the slot of a new reactor. Always succeeds: a reactor that cannot be recorded lives unrecorded, in the ordinary
// heap if need be, and the reason is in the recorder's status.
AFTERIMAGE_API NewReactor new_reactor(RecorderCore* recorder, std::string_view name, const std::type_info& type);
AFTERIMAGE_API Heap* reactor_heap(ReactorCore* core) noexcept;  // null: the ordinary heap
AFTERIMAGE_API void reactor_constructed(ReactorCore* core, void* object) noexcept;  // takes the snapshot at position 0
AFTERIMAGE_API void before_reactor_ends(ReactorCore* core) noexcept;                // while the object is there
AFTERIMAGE_API void delete_reactor(ReactorCore* core) noexcept;                     // the object is destroyed already
// Its constructor has thrown this; while it is being caught.
AFTERIMAGE_API void delete_unconstructed(ReactorCore* core, const std::exception_ptr& thrown) noexcept;
// Reactor::save() and Recorder::restore(). Of what cannot be restored the core is null, and `why_not` says why.
AFTERIMAGE_API Status save_reactor(ReactorCore* core, const std::type_info& type, Bytes& saved) noexcept;
AFTERIMAGE_API NewReactor restore_reactor(RecorderCore* recorder, std::string_view name, const std::type_info& type,
                                          std::span<const std::byte> saved, Status& why_not) noexcept;
AFTERIMAGE_API void request_snapshot(ReactorCore* core) noexcept;
AFTERIMAGE_API void state_changed_outside_events(ReactorCore* core) noexcept;       // forces a snapshot before the next event

// While it lives, this thread allocates where the reactor does.
class [[nodiscard]] ReactorScope {
 public:
  explicit ReactorScope(ReactorCore* core) noexcept : previous_(exchange_current_heap(reactor_heap(core))) {}
  ~ReactorScope() { exchange_current_heap(previous_); }
  ReactorScope(const ReactorScope&) = delete;
  ReactorScope& operator=(const ReactorScope&) = delete;

 private:
  Heap* previous_;
};

// The entry of every event, recording and replaying. Its address is in the log: the replayer is the same executable.
template <typename T, typename E>
void react_thunk(void* object, const std::byte* payload, [[maybe_unused]] std::size_t bytes) {
  T& reactor = *static_cast<T*>(object);
  if constexpr (is_raw_bytes<E>) {
    const E event(payload, bytes);
    enter_react(reactor, event);
  } else if constexpr (DeliveredInPlace<E>) {
    const E& event = *std::launder(reinterpret_cast<const E*>(payload));
    enter_react(reactor, event);
  } else {
    Heap* const heap = exchange_current_heap(nullptr);  // decoded outside the reactor's heap, as it was when recorded
    const E event = Codec<E>::decode({payload, bytes});
    const struct Restore {
      Heap* heap;
      ~Restore() { exchange_current_heap(nullptr); }  // the event is destroyed outside, too
    } restore{heap};
    exchange_current_heap(heap);
    enter_react(reactor, event);
  }
}

template <typename T, typename E>
inline constexpr EventTypeInfo event_type{
    .type = &typeid(E),
    .thunk = &react_thunk<T, E>,
    .codec = is_raw_bytes<E> ? PayloadCodec::bytes : DeliveredInPlace<E> ? PayloadCodec::trivial : PayloadCodec::custom,
    .bytes = DeliveredInPlace<E> && !is_raw_bytes<E> ? std::uint32_t{sizeof(E)} : 0,
    .align = std::uint32_t{alignof(E)},
    .has_padding = DeliveredInPlace<E> && !is_raw_bytes<E> && !std::has_unique_object_representations_v<E>,
    .clear_padding = padding_cleaner<E>(),
};

template <typename T, typename E>
inline const RegisteredEvent registered_event(typeid(T), event_type<T, E>);

// A reactor that shows its pointers (afterimage/traverse.h).
template <typename T>
concept ShowsPointers = requires(T& reactor, Traversal& traversal) { reactor.traverse(traversal); };

template <ShowsPointers T>
void traverse_reactor(Traversal& traversal, void* reactor) {
  static_cast<T*>(reactor)->traverse(traversal);
}
template <ShowsPointers T>
inline const RegisteredTraversal registered_traversal(typeid(T), traverse_reactor<T>);

template <typename T, typename E>
void react_to_decoded(void* object, const void* event) {
  enter_react(*static_cast<T*>(object), *static_cast<const E*>(event));
}

template <typename T, typename E>
void deliver(ReactorCore* core, std::uint32_t reactor, const E& event) {
  static_assert(Deliverable<E>,
                "this event is not trivially copyable: specialise afterimage::Codec for it, or deliver bytes");
  constexpr const EventTypeInfo& type = event_type<T, E>;
  keep(registered_event<T, E>);
  if constexpr (DeliveredInPlace<E>) {
    with_payload(event, [&](const void* payload, std::size_t bytes) { deliver_event(core, reactor, type, payload, bytes); });
  } else {
    with_payload(event, [&](const std::byte* payload, std::size_t bytes) {
      deliver_decoded(core, reactor, type, {payload, bytes}, &react_to_decoded<T, E>, &event);
    });
  }
}

template <typename T, typename E>
void deliver_all(ReactorCore* core, std::uint32_t reactor, std::span<const E> events) {
  if constexpr (DeliveredInPlace<E> && !is_raw_bytes<E>) {
    keep(registered_event<T, E>);
    deliver_events(core, reactor, event_type<T, E>, events.data(), sizeof(E), events.size());
  } else {
    for (const E& event : events) deliver<T>(core, reactor, event);
  }
}

}  // namespace detail

// A copyable way to send events to a reactor, for example from inside another one. Valid while the reactor lives.
template <typename T>
class ReactorRef {
 public:
  ReactorRef() = default;
  explicit ReactorRef(detail::ReactorCore* core, std::uint32_t id) noexcept : core_(core), id_(id) {}

  // In the replayer of another reactor this only compares what is sent with what was sent.
  template <typename E>
  void deliver(const E& event) const {
    detail::deliver<T>(core_, id_, event);
  }
  template <std::ranges::contiguous_range Events>
  void deliver_all(const Events& events) const {
    detail::deliver_all<T>(core_, id_, std::span<const std::ranges::range_value_t<Events>>(events));
  }
  // make() may run here, too: what it does to this reactor is then done again, and what it makes is thrown away.
  template <typename Make>
  void deliver_made(Make&& make) const {
    detail::deliver_made<T>(core_, id_, make);
  }
  // What gets there later (afterimage/posted.h): gives a Posted<T, E> to `enqueue`, which must not throw.
  template <typename E, typename Enqueue>
  void post(const E& event, Enqueue&& enqueue) const {
    static_assert(!detail::is_raw_bytes<E>, "bytes without a type may be gone by then: post a type with an afterimage::Codec");
    static_assert(std::is_nothrow_invocable_v<Enqueue&, Posted<T, E>>, "the function must be noexcept");
    detail::keep(detail::registered_event<T, E>);
    detail::Envelope envelope;
    detail::with_payload(event, [&](const void* payload, std::size_t bytes) { envelope = detail::send(id_, detail::event_type<T, E>, payload, bytes); });
    if (detail::is_replaying()) return;
    auto enqueue_it = [&] { enqueue(Posted<T, E>(core_, id_, envelope, E(event))); };
    detail::run_outside(enqueue_it);
  }
  std::uint32_t id() const noexcept { return id_; }

 private:
  detail::ReactorCore* core_ = nullptr;
  std::uint32_t id_ = ~std::uint32_t{0};
};

template <typename T, typename E>
void Posted<T, E>::deliver() const {
  constexpr auto react = detail::DeliveredInPlace<E> ? nullptr : &detail::react_to_decoded<T, E>;
  detail::with_payload(event_, [&](const void* payload, std::size_t bytes) {
    detail::deliver_sent(core_, reactor_, detail::event_type<T, E>, payload, bytes, react, &event_, envelope_);
  });
}

namespace detail {

// The reactor that a recorded constructor was given is known by its number.
template <typename T>
struct Argument<ReactorRef<T>> {
  static constexpr bool can_be_logged = true;
  static void encode(const ReactorRef<T>& reactor, Bytes& out) { Argument<std::uint32_t>::encode(reactor.id(), out); }
  static constexpr std::size_t bytes = sizeof(std::uint32_t);
  explicit Argument(std::span<const std::byte> payload) : value(nullptr, Argument<std::uint32_t>(payload).value) {}
  ReactorRef<T> value;
};

}  // namespace detail

// Owns a reactor of type T and the heap it lives in.
template <typename T>
class Reactor {
 public:
  Reactor(Reactor&& other) noexcept
      : core_(std::exchange(other.core_, nullptr)), object_(std::exchange(other.object_, nullptr)), id_(other.id_) {}
  Reactor& operator=(Reactor&& other) noexcept {
    std::swap(core_, other.core_);
    std::swap(object_, other.object_);
    std::swap(id_, other.id_);
    return *this;
  }
  ~Reactor() {
    if (object_ == nullptr || detail::is_replaying()) return;  // in the replayer it is another reactor's, and not here
    detail::before_reactor_ends(core_);
    {
      const detail::ReactorScope scope(core_);
      delete object_;
    }
    detail::delete_reactor(core_);
  }

  // Commits the event to the log, then calls react(event) (or handle, consume, operator()) inside the reactor's heap.
  // Throws what react() throws.
  template <typename E>
  void deliver(const E& event) {
    detail::deliver<T>(core_, id_, event);
  }

  // The same for each of the events that there are already, an array or a vector of them: cheaper, because the end of one is the
  // beginning of the next. When react() throws, those behind are not delivered.
  template <std::ranges::contiguous_range Events>
  void deliver_all(const Events& events) {
    detail::deliver_all<T>(core_, id_, std::span<const std::ranges::range_value_t<Events>>(events));
  }

  // An event of any type, without a Codec: make() returns it, and runs inside the reactor's heap, where the event and all that it owns
  // stay at their addresses (afterimage/made.h). Throws what make() throws, and then nobody gets an event; and what react() throws.
  template <typename Make>
  void deliver_made(Make&& make) {
    detail::deliver_made<T>(core_, id_, make);
  }

  // Asks for a snapshot: begun at the end of the current or the next event. May be called by any thread.
  void snapshot() noexcept { detail::request_snapshot(core_); }

  ReactorRef<T> ref() const noexcept { return ReactorRef<T>(core_, id_); }

  // Any other call that may change the reactor: runs function(reactor) inside its heap. It is not an event, so it cannot be
  // replayed; instead a snapshot is taken before the next event.
  template <typename F>
  decltype(auto) enter(F&& function) {
    detail::state_changed_outside_events(core_);
    const detail::ReactorScope scope(core_);
    return std::forward<F>(function)(*object_);
  }

  // The reactor as bytes, for the program's own database: its heap, without what is free or zero. Between events. What `saved` has room
  // for is used again. Not saved is what the reactor keeps elsewhere: variables, other heaps, ReactorRefs.
  Status save(Bytes& saved) { return detail::save_reactor(core_, typeid(T), saved); }

  // How the reactor's memory is used; none where it lives in the ordinary heap. Between events; walks the heap.
  HeapStatistics memory() const noexcept {
    const Heap* const heap = detail::reactor_heap(core_);
    return heap != nullptr ? heap_statistics(*heap) : HeapStatistics{};
  }

  // For looking only.
  const T& operator*() const noexcept { return *object_; }
  const T* operator->() const noexcept { return object_; }

 private:
  friend class Recorder;
  Reactor(detail::ReactorCore* core, std::uint32_t id, T* object) noexcept : core_(core), object_(object), id_(id) {}

  detail::ReactorCore* core_;
  T* object_;
  std::uint32_t id_;
};

class AFTERIMAGE_API Recorder {
 public:
  // Begins a recording. Always returns a usable Recorder: see status().
  static Recorder open(const Options& options) { return open_of_version(kOptionsVersion, sizeof options, &options); }

  Recorder(Recorder&&) noexcept;
  Recorder& operator=(Recorder&&) noexcept;
  ~Recorder();  // seals the recording in good order

  // Why nothing (more) is recorded, or success.
  Status status() const;
  // The recording's directory; empty if there is none.
  const std::string& path() const noexcept;

  // Constructs a T inside a heap of its own and records it from now on. Throws what T's constructor throws.
  template <typename T, typename... Args>
  Reactor<T> create(std::string_view name, Args&&... args) {
    if constexpr (detail::ShowsPointers<T>) detail::keep(detail::registered_traversal<T>);
    // In the replayer this object may be gone: it lives outside of the reactor that calls it.
    detail::RecorderCore* const recorder = detail::is_replaying() ? nullptr : core_.get();
    const detail::NewReactor created = detail::new_reactor(recorder, name, typeid(T));
    detail::ReactorCore* const core = created.core;
    T* object = static_cast<T*>(created.object);
    if (object != nullptr) return Reactor<T>(core, created.id, object);
    try {
      object = detail::construct<T>(core, std::forward<Args>(args)...);
    } catch (...) {
      detail::delete_unconstructed(core, std::current_exception());
      throw;
    }
    detail::reactor_constructed(core, object);
    return Reactor<T>(core, created.id, object);
  }

  // The T that Reactor::save() has saved, in this process or in another one of the same executable and libraries at the same addresses
  // (run by `setarch -R`): at its old addresses, and recorded from now on. Nothing if that cannot be; `why_not` has the reason then. What
  // is restored is memory full of pointers: only restore what you trust. Not inside of react().
  template <typename T>
  std::optional<Reactor<T>> restore(std::string_view name, std::span<const std::byte> saved, Status& why_not) {
    if constexpr (detail::ShowsPointers<T>) detail::keep(detail::registered_traversal<T>);
    const detail::NewReactor restored = detail::restore_reactor(core_.get(), name, typeid(T), saved, why_not);
    if (restored.core == nullptr) return std::nullopt;
    return Reactor<T>(restored.core, restored.id, static_cast<T*>(restored.object));
  }

 private:
  static Recorder open_of_version(std::uint32_t version, std::size_t bytes, const void* options);
  // What programs call that were compiled when open() had no version, and an Options by value.
  static Recorder open_without_version(const void* options) asm("_ZN10afterimage8Recorder4openENS_7OptionsE");
  explicit Recorder(std::shared_ptr<detail::RecorderCore> core) noexcept;
  std::shared_ptr<detail::RecorderCore> core_;
};

}  // namespace afterimage
