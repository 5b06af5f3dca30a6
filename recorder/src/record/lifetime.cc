// The beginning and the end of a reactor, and what a program asks of it between two events. In a replay there is one reactor only, and
// its log: what concerns others is served from there, or left out.
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/check_hooks.h"
#include "base/out_of_memory.h"
#include "base/replay_mode.h"
#include "heap/current_heap.h"
#include "inputs/failures.h"
#include "record/current_event.h"
#include "record/reactor_core.h"
#include "record/recorder_core.h"
#include "record/saved_reactors.h"

namespace afterimage::detail {

bool logs_construction(const ReactorCore* core) noexcept { return replay_hooks == nullptr && core->logs_genesis(); }

Construction::Construction(ReactorCore* core, const std::type_info& signature, const EventTypeInfo* type, const Bytes& arguments) noexcept
    : previous_heap_(exchange_current_heap(nullptr)), logged_(logs_construction(core)) {
  if (logged_) {
    core->begin_construction(signature, type, arguments);
    previous_core_ = std::exchange(t_record.current.reactor, core);
  }
  exchange_current_heap(reactor_heap(core));
}

Construction::~Construction() {
  exchange_current_heap(previous_heap_);
  if (logged_) t_record.current.reactor = previous_core_;
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

// What a restored reactor is, a replay of another one could not tell; so both refuse, and the sentence is the same piece of memory in both.
Status save_reactor(ReactorCore* core, const std::type_info& type, Bytes& saved) noexcept {
  if (replay_hooks != nullptr || t_record.current.reactor != nullptr) return refusal(EBUSY, "inside of react() no reactor can be saved.");
  const OutsideScope outside;
  return core->save(type, saved);
}

NewReactor restore_reactor(RecorderCore* recorder, std::string_view name, const std::type_info& type, std::span<const std::byte> saved,
                           Status& why_not) noexcept {
  if (replay_hooks != nullptr || t_record.current.reactor != nullptr) {
    why_not = refusal(EBUSY, "inside of react() no reactor can be restored.");
    return {};
  }
  const OutsideScope outside;
  ReactorCore* core = nullptr;
  const bool has_memory = finds_memory([&] {
    why_not = recorder->may_have_heaps() ? Status() : recorder->status();
    OwnedHeap heap(why_not.ok() ? restore_heap(saved, type.name(), why_not) : nullptr, Heap::destroy);
    if (heap != nullptr) core = recorder->adopt_reactor(name, type, std::move(heap));
  });
  if (!has_memory) why_not = out_of_memory();
  if (core == nullptr) return {};
  core->restored();
  auto* const object = reinterpret_cast<void*>(core->heap()->object());
  reactor_constructed(core, object);
  return {core, core->id(), object};
}

// In the replayer there is no core but that of a diverged creation: none.
Heap* reactor_heap(ReactorCore* core) noexcept { return replay_hooks == nullptr ? core->heap() : nullptr; }

namespace {

// In react() of another reactor. Without an object the constructor has thrown, and does so in the replay.
void log_creation(const ReactorCore& core, const void* object) noexcept {
  ReactorCore* const creator = t_record.current.reactor;
  if (creator == nullptr) return;
  const format::CreatedReactor created{.core = reinterpret_cast<std::uintptr_t>(&core),
                                       .object = reinterpret_cast<std::uintptr_t>(object),
                                       .id = core.id(),
                                       .reserved = 0};
  creator->log_input(format::InputKind::created_reactor, {reinterpret_cast<const std::byte*>(&created), sizeof created});
}

}  // namespace

void reactor_constructed(ReactorCore* core, void* object) noexcept {
  if (replay_hooks != nullptr) return;
  const OutsideScope outside;
  core->constructed(object);
  if (check_hooks != nullptr) core->tell_check();
  log_creation(*core, object);
}

void delete_reactor(ReactorCore* core) noexcept {
  if (replay_hooks != nullptr) return;
  const OutsideScope outside;
  if (check_hooks != nullptr) check_hooks->reactor_ends(core->heap());
  delete core;
}

void before_reactor_ends(ReactorCore* core) noexcept {
  if (replay_hooks == nullptr) core->settle();
}

// The pointer has nothing but the exception's address, in libstdc++ and in libc++.
void delete_unconstructed(ReactorCore* core, const std::exception_ptr& thrown) noexcept {
  static_assert(sizeof thrown == sizeof(void*));
  if (replay_hooks != nullptr) return;
  const void* exception = nullptr;
  std::memcpy(&exception, &thrown, sizeof exception);
  core->not_constructed(exception);
  const OutsideScope outside;
  log_creation(*core, nullptr);
  delete_reactor(core);
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
  detail::ReactorCore* const reactor = detail::t_record.current.reactor;
  if (replay_hooks == nullptr && reactor != nullptr) reactor->request_snapshot();
}

}  // namespace afterimage
