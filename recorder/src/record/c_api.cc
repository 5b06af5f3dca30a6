// afterimage/afterimage.h, in terms of afterimage/recorder.h.
#include "afterimage/afterimage.h"

#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <span>

#include "afterimage/recorder.h"
#include "afterimage/safe_ptr.h"
#include "heap/misuse.h"

namespace afterimage {

// What stands between the recorder and a reactor of another language. It lives in the reactor's heap. Its name is in the recording, and
// questions (debug-adapter/gdb/compile-expression.ts) find the object by both: it is the first member.
class ForeignReactor {
 public:
  struct NotCreated {};

  ForeignReactor(const afterimage_reactor_type& type, void* argument) : object_(type.create(argument)), type_(type) {
    if (object_ == nullptr) throw NotCreated();
  }
  ~ForeignReactor() {
    if (type_.destroy != nullptr) type_.destroy(object_);
  }
  ForeignReactor(const ForeignReactor&) = delete;
  ForeignReactor& operator=(const ForeignReactor&) = delete;

  void react(const std::span<const std::byte>& event) { type_.react(object_, event.data(), event.size()); }
  void* object() const noexcept { return object_; }

 private:
  void* const object_;
  const afterimage_reactor_type type_;
};

namespace {

using Owner = Reactor<ForeignReactor>;
using Ref = ReactorRef<ForeignReactor>;

thread_local char t_error[512] = "";

afterimage_code fail(afterimage_code code, const char* what) noexcept {
  std::snprintf(t_error, sizeof t_error, "%s", what);
  return code;
}

// Runs `function`; whatever it throws becomes a code.
template <typename Function>
afterimage_code guarded(Function function) noexcept {
  try {
    return function();
  } catch (const ForeignReactor::NotCreated&) {
    return fail(AFTERIMAGE_CREATE_FAILED, "create() returned NULL, so there is no reactor.");
  } catch (const std::bad_alloc&) {
    return fail(AFTERIMAGE_OUT_OF_MEMORY, "There is not enough memory.");
  } catch (const std::exception& exception) {
    return fail(AFTERIMAGE_EXCEPTION, exception.what());
  } catch (...) {
    return fail(AFTERIMAGE_EXCEPTION, "create() or react() threw something that is no std::exception.");
  }
}

// A caller may know fewer fields than we do, or more.
afterimage_options completed(const afterimage_options* given) noexcept {
  afterimage_options options = afterimage_default_options();
  if (given == nullptr) return options;
  std::memcpy(&options, given, std::min(given->bytes, sizeof options));
  return options;
}

// C may have put any number there, which C++ must not read as the enumeration that it is not.
template <typename Enumeration>
bool is_one_of(const Enumeration& value, Enumeration last) noexcept {
  std::underlying_type_t<Enumeration> number;
  std::memcpy(&number, &value, sizeof number);
  return number <= std::underlying_type_t<Enumeration>{last};
}

Options translated(const afterimage_options& options) {
  return {.directory = options.directory,
          .segment_bytes = options.segment_bytes,
          .snapshot_log_bytes = options.snapshot_log_bytes,
          .snapshot_interval_ms = options.snapshot_interval_ms,
          .wait_for_log = options.wait_for_log != 0,
          .sync_interval_ms = options.sync_interval_ms,
          .record_sent_events = options.record_sent_events != 0,
          .snapshot_engine = options.snapshot_engine,
          .reactors_do_io = options.reactors_do_io != 0,
          .snapshot_deltas = options.snapshot_deltas != 0,
          .snapshot_compression = options.snapshot_compression,
          .keep_bytes = options.keep_bytes,
          .keep_ms = options.keep_ms,
          .heap_limit_bytes = options.heap_limit_bytes,
          .memory = static_cast<Memory>(options.memory),
          .stop_at_misuse = options.stop_at_misuse != 0,
          .fail_allocations = {.nth = options.fail_allocations.nth,
                               .probability = options.fail_allocations.probability,
                               .seed = options.fail_allocations.seed,
                               .above_bytes = options.fail_allocations.above_bytes},
          .crash_handler = options.crash_handler != 0,
          .io = static_cast<Io>(options.io),
          .genesis = options.genesis != 0,
          .variables_of = options.variables_of,
          .state_digests = options.state_digests != 0,
          .keep_ended_reactors = options.keep_ended_reactors};
}

// A reference holds nothing that a replay would follow into another heap, and so neither does the value that stands for it in C.
struct RefParts {
  detail::ReactorCore* core;
  std::uint32_t id;
};
static_assert(sizeof(RefParts) == sizeof(Ref) && std::is_trivially_copyable_v<Ref>);

Ref ref_of(const afterimage_reactor& reactor) noexcept { return Ref(static_cast<detail::ReactorCore*>(reactor.core), reactor.id); }

// Its owner lives until afterimage_destroy().
void hand_out(Owner&& owned, afterimage_reactor& reactor) {
  auto owner = std::make_unique<Owner>(std::move(owned));
  const auto ref = std::bit_cast<RefParts>(owner->ref());
  reactor = {.core = ref.core, .id = ref.id, .owner = owner.get(), .object = (*owner)->object()};
  (void)owner.release();
}

detail::BlockId id_of(const afterimage_safe_pointer& pointer) noexcept { return {pointer.current_id, pointer.id}; }

}  // namespace
}  // namespace afterimage

struct afterimage_recorder {
  afterimage::Recorder recorder;
};

extern "C" {

const char* afterimage_error(void) { return afterimage::t_error; }

afterimage_options afterimage_default_options(void) {
  static const afterimage::Options options;
  return {.bytes = sizeof(afterimage_options),
          .directory = options.directory.c_str(),
          .segment_bytes = options.segment_bytes,
          .snapshot_log_bytes = options.snapshot_log_bytes,
          .snapshot_interval_ms = options.snapshot_interval_ms,
          .snapshot_engine = options.snapshot_engine.c_str(),
          .keep_bytes = options.keep_bytes,
          .keep_ms = options.keep_ms,
          .reactors_do_io = options.reactors_do_io,
          .snapshot_deltas = options.snapshot_deltas,
          .crash_handler = options.crash_handler,
          .io = static_cast<afterimage_io>(options.io),
          .variables_of = options.variables_of.c_str(),
          .state_digests = options.state_digests,
          .wait_for_log = options.wait_for_log,
          .record_sent_events = options.record_sent_events,
          .sync_interval_ms = options.sync_interval_ms,
          .heap_limit_bytes = options.heap_limit_bytes,
          .stop_at_misuse = options.stop_at_misuse,
          .genesis = options.genesis,
          .memory = static_cast<afterimage_memory>(options.memory),
          .fail_allocations = {.nth = options.fail_allocations.nth,
                               .probability = options.fail_allocations.probability,
                               .seed = options.fail_allocations.seed,
                               .above_bytes = options.fail_allocations.above_bytes},
          .snapshot_compression = options.snapshot_compression,
          .keep_ended_reactors = options.keep_ended_reactors};
}

afterimage_code afterimage_open(const afterimage_options* options, afterimage_recorder** recorder) {
  using namespace afterimage;
  if (recorder == nullptr) return fail(AFTERIMAGE_INVALID_ARGUMENT, "afterimage_open: the recorder has no place, the pointer is NULL.");
  *recorder = nullptr;
  const afterimage_options all = completed(options);
  if (all.directory == nullptr || all.snapshot_engine == nullptr || all.variables_of == nullptr)
    return fail(AFTERIMAGE_INVALID_ARGUMENT, "afterimage_open: directory, snapshot_engine and variables_of must not be NULL.");
  if (!is_one_of(all.io, AFTERIMAGE_IO_FORBID))
    return fail(AFTERIMAGE_INVALID_ARGUMENT, "afterimage_open: io must be one of afterimage_io.");
  if (!is_one_of(all.memory, AFTERIMAGE_MEMORY_KINDA_SAFE))
    return fail(AFTERIMAGE_INVALID_ARGUMENT, "afterimage_open: memory must be one of afterimage_memory.");
  if (!(all.fail_allocations.probability >= 0 && all.fail_allocations.probability <= 1))
    return fail(AFTERIMAGE_INVALID_ARGUMENT, "afterimage_open: fail_allocations.probability must be from 0 to 1.");
  return guarded([&] {
    *recorder = new afterimage_recorder{Recorder::open(translated(all))};
    return afterimage_status(*recorder);
  });
}

afterimage_code afterimage_status(const afterimage_recorder* recorder) {
  using namespace afterimage;
  return guarded([&] {
    const Status status = recorder->recorder.status();
    return status.ok() ? AFTERIMAGE_OK : fail(AFTERIMAGE_NOT_RECORDING, status.message().c_str());
  });
}

const char* afterimage_path(const afterimage_recorder* recorder) { return recorder->recorder.path().c_str(); }

void afterimage_close(afterimage_recorder* recorder) { delete recorder; }

afterimage_code afterimage_create(afterimage_recorder* recorder, const char* name, const afterimage_reactor_type* type, void* argument,
                                  afterimage_reactor* reactor) {
  using namespace afterimage;
  if (recorder == nullptr || name == nullptr || type == nullptr || reactor == nullptr)
    return fail(AFTERIMAGE_INVALID_ARGUMENT, "afterimage_create: recorder, name, type and reactor must not be NULL.");
  if (type->create == nullptr || type->react == nullptr)
    return fail(AFTERIMAGE_INVALID_ARGUMENT, "afterimage_create: the type needs the functions create and react.");
  return guarded([&] {
    hand_out(recorder->recorder.create<ForeignReactor>(name, *type, argument), *reactor);
    return AFTERIMAGE_OK;
  });
}

afterimage_code afterimage_save(afterimage_reactor reactor, void** saved, size_t* bytes) {
  using namespace afterimage;
  if (saved == nullptr || bytes == nullptr) return fail(AFTERIMAGE_INVALID_ARGUMENT, "afterimage_save: saved and bytes must not be NULL.");
  return guarded([&] {
    Bytes all;
    if (const Status status = static_cast<Owner*>(reactor.owner)->save(all); !status.ok()) return fail(AFTERIMAGE_NOT_SAVED, status.message().c_str());
    void* const copy = std::malloc(all.size());
    if (copy == nullptr) throw std::bad_alloc();
    *saved = std::memcpy(copy, all.data(), all.size());
    *bytes = all.size();
    return AFTERIMAGE_OK;
  });
}

afterimage_code afterimage_restore(afterimage_recorder* recorder, const char* name, const void* saved, size_t bytes, afterimage_reactor* reactor) {
  using namespace afterimage;
  if (recorder == nullptr || name == nullptr || saved == nullptr || reactor == nullptr)
    return fail(AFTERIMAGE_INVALID_ARGUMENT, "afterimage_restore: recorder, name, saved and reactor must not be NULL.");
  return guarded([&] {
    Status why_not;
    auto restored = recorder->recorder.restore<ForeignReactor>(name, {static_cast<const std::byte*>(saved), bytes}, why_not);
    if (!restored) return fail(AFTERIMAGE_NOT_RESTORED, why_not.message().c_str());
    hand_out(std::move(*restored), *reactor);
    return AFTERIMAGE_OK;
  });
}

afterimage_code afterimage_deliver(afterimage_reactor reactor, const void* event, size_t bytes) {
  using namespace afterimage;
  if (event == nullptr && bytes > 0) return fail(AFTERIMAGE_INVALID_ARGUMENT, "afterimage_deliver: the event is NULL, but has bytes.");
  return guarded([&] {
    ref_of(reactor).deliver(std::span(static_cast<const std::byte*>(event), bytes));
    return AFTERIMAGE_OK;
  });
}

afterimage_code afterimage_heap_statistics(afterimage_reactor reactor, afterimage_statistics* statistics) {
  using namespace afterimage;
  if (statistics == nullptr || statistics->bytes < sizeof statistics->bytes)
    return fail(AFTERIMAGE_INVALID_ARGUMENT, "afterimage_heap_statistics: statistics must not be NULL, and its field bytes must be its size.");
  const HeapStatistics heap = static_cast<Owner*>(reactor.owner)->memory();
  const afterimage_statistics all{.bytes = statistics->bytes,
                                  .live_blocks = heap.live_blocks,
                                  .live_bytes = heap.live_bytes,
                                  .free_blocks = heap.free_blocks,
                                  .free_bytes = heap.free_bytes,
                                  .touched_bytes = heap.touched_bytes,
                                  .limit_bytes = heap.limit_bytes,
                                  .failed_allocations = heap.failed_allocations,
                                  .misuses = heap.misuses,
                                  .refusals = heap.refusals,
                                  .large_allocations = heap.large_allocations,
                                  .large_frees = heap.large_frees,
                                  .foreign_frees = heap.foreign_frees,
                                  .allocations = heap.allocations,
                                  .frees = heap.frees};
  std::memcpy(statistics, &all, std::min(statistics->bytes, sizeof all));
  return AFTERIMAGE_OK;
}

void afterimage_snapshot(afterimage_reactor reactor) { static_cast<afterimage::Owner*>(reactor.owner)->snapshot(); }

void afterimage_note_failure(const char* sentence) {
  if (sentence != nullptr) afterimage::note_failure(sentence);
}

afterimage_safe_pointer afterimage_make_safe(void* object) {
  const afterimage::detail::BlockId id = afterimage::detail::id_of_block(object);
  return {.object = object, .current_id = id.current, .id = id.value};
}

void* afterimage_get(afterimage_safe_pointer pointer) {
  using namespace afterimage;
  if (afterimage_is_dangling(pointer)) report_dangling(detail::Misuse::access, pointer.object, id_of(pointer), __builtin_return_address(0));
  return pointer.object;
}

int afterimage_is_dangling(afterimage_safe_pointer pointer) { return pointer.object != nullptr && *pointer.current_id != pointer.id; }

// The last call is a jump, so that the place that freed the object is the caller's.
void afterimage_safe_free(afterimage_safe_pointer pointer) {
  using namespace afterimage;
  if (!afterimage_is_dangling(pointer)) return std::free(pointer.object);
  report_dangling(detail::Misuse::second_delete, pointer.object, id_of(pointer), __builtin_return_address(0));
}

void afterimage_destroy(afterimage_reactor reactor) { delete static_cast<afterimage::Owner*>(reactor.owner); }

}  // extern "C"
