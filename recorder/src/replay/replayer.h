// Lives the recorded reactor again: restores its memory, delivers its events one by one, and compares.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "afterimage/recorder.h"
#include "afterimage/status.h"
#include "format/calls.h"
#include "heap/inbox.h"
#include "replay/debugger.h"
#include "replay/divergence.h"
#include "replay/event_source.h"
#include "replay/memory_image.h"
#include "replay/other_build.h"
#include "replay/page_comparison.h"
#include "replay/plan.h"
#include "replay/supposition.h"

namespace afterimage::replay {

class Replayer {
 public:
  // There is one per process: the debugger's view of it, afterimage_replay, is global.
  explicit Replayer(std::uint32_t reactor) : reactor_(reactor) {}

  // Opens log and snapshots, and stands at the first position.
  Status open(const std::string& reactor_directory);
  // The same in another build than the recorded one: constructs the reactor, as recorded, and stands behind that, at position 0.
  Status open_genesis(const std::string& reactor_directory, const Genesis& genesis, const HeapSettings& heap);

  std::uint64_t position() const noexcept { return position_; }
  std::uint64_t first() const noexcept { return memory_.first_position(); }
  std::uint64_t end() const noexcept { return events_.end(); }
  MemoryImage& memory() noexcept { return memory_; }
  // Where the last event was that was not nested in another one.
  const std::byte* last_event() const noexcept { return last_event_; }
  PageComparison& core() noexcept { return core_; }  // what to compare the memory with, once it is open

  // Goes to `target`, back by way of a snapshot, or from `from_snapshot` in any case. Stops early at the end of the log.
  // `after_event` is called with each event's number behind it; false ends the run.
  Status run_to(std::uint64_t target, bool from_snapshot, bool (*after_event)(void*, std::uint64_t), void* context);

  // From now on the replay is one of what would have been, back from a snapshot before. An empty one ends that. Nothing is compared
  // from the first supposed event on; a call that was not recorded gets the answer of this machine.
  Status suppose(Supposition supposition);
  bool supposing() const noexcept { return position_ >= supposition_.first(); }

  // Whether run_to() remembers places on the way, for going back faster. It costs time and memory (checkpoints.h).
  bool keeps_checkpoints = false;

  // A delivery from inside react(). Throws what a nested react() throws.
  void outbound(std::uint32_t id, const detail::EventTypeInfo& type, const void* payload, std::size_t bytes);
  // The same of an event that is made first: for another reactor outside of all heaps, and then destroyed. Throws what make() throws.
  void made(std::uint32_t id, const detail::EventTypeInfo& type, const detail::EventMaker& make);
  // An outside value asked for inside react(): the log's next input, if it is of this kind.
  bool input(std::uint16_t kind, void* buffer, std::size_t capacity, std::size_t& bytes) noexcept;
  // Its heap in react(), however that allocates; else null.
  Heap* heap_of_event() noexcept { return depth_ > 0 ? &memory_.heap() : nullptr; }
  // An event is to destroy an object that is not there (afterimage/foreign_ptr.h).
  void nothing_lent(const void* object);
  // A call of the world inside react() (inputs/hooks.h).
  bool in_event() const noexcept { return depth_ > 0 && current_heap() == &memory_.heap(); }
  // Whether the recorded process ended in the event in progress.
  bool ends_inside_event() const noexcept { return ends_inside_event_; }
  bool call(const format::CallHeader& asked, std::span<const std::byte> shown, format::CallRecord& recorded);
  void returned_otherwise(const format::CallHeader& asked, std::span<const std::byte> shown,
                          const format::CallRecord& recorded, std::uint64_t result);

  // Something happened in the event in progress that cannot be as it was recorded, or is not known to be.
  void diverged(Divergence divergence);
  void warn_about_locale();
  void warn(const char* kind, std::uintptr_t site, const std::string& what);

  // Called once for each kind, call and place.
  void (*on_divergence)(const Divergence& divergence) = nullptr;
  // Called when the reactor was moved, and again when that took more than before: a later snapshot may hold more.
  void (*on_relocated)(const Relocator& relocator) = nullptr;
  // Called once for each place.
  void (*on_warning)(const Warning& warning) = nullptr;

 private:
  // What a nested event interrupts.
  struct Outer {
    std::uint64_t position, in_react;
    const void* payload;
    std::uint64_t payload_bytes;
    const char* event_type;
    std::uint64_t outbound;
    Inbox inbox;
    bool ends_inside_event;
    std::uint64_t heap_event;
  };

  // Whether everything must be as it was recorded.
  bool is_strict() const noexcept { return !other_build_ && !supposing(); }
  Status open_log(const std::string& reactor_directory);
  void show_to_debugger();
  detail::RegisteredTraversal::Traverse traversal_of_reactor() const;
  Status restore(std::uint64_t position);
  void tell_relocation();
  bool step(Status& status);
  void leave_out(std::uint64_t event);
  void skip_rest_of(std::uint64_t event);
  std::optional<LogMessage> next_event_inside();
  void deliver_to_itself(const detail::EventTypeInfo& type, const void* payload, std::size_t bytes);
  Status construct(const std::string& directory);
  void deliver(const LogMessage& event, Status& status);
  Status continue_from_snapshot();
  bool skip_gap(const LogMessage& gap);
  void apply_input(const LogMessage& message, Status& status);
  void apply_foreign_frees(const LogMessage& message);
  void dispatch(const LogMessage& message, void* object);
  auto thunk_of(const EventChannel& channel) const -> decltype(detail::EventTypeInfo::thunk);
  void compare_state(std::uint64_t event, std::span<const std::byte> recorded);
  void finish(std::uint64_t event, bool threw, const Outer& outer);
  void compare(std::uint64_t event, bool threw, std::uint64_t outbound);
  bool compare_done(std::uint64_t event, const format::Done& done, std::uint64_t outbound);
  void compare_sent(std::uint32_t id, const detail::EventTypeInfo& type, const void* payload, std::size_t bytes);
  void compare_sent(const format::SentRecord& then, const format::SentRecord& now);
  void sent_otherwise(std::string recorded, std::string replayed);
  bool sends_to_itself(const detail::EventTypeInfo& type, const void* payload, std::size_t bytes);
  std::vector<LogMessage> inputs_of_event();
  void take(const LogMessage& input);
  bool call_in_any_order(const format::CallHeader& asked, std::span<const std::byte> shown, format::CallRecord& recorded);
  void not_asked_for(const LogMessage& input, std::uint64_t event, std::size_t more);
  std::string recorded_site(const LogMessage& message) const;
  void skip_inputs_not_asked_for(std::uint64_t event);
  bool other_call(const format::CallHeader& asked, std::span<const std::byte> shown, format::CallRecord& recorded);
  void compare_call(const format::CallHeader& asked, std::span<const std::byte> shown, const format::CallRecord& recorded);
  void diverged(std::uint64_t event, const char* kind, const std::string& recorded, const std::string& replayed,
                const char* cause);
  const std::byte* enter_inbox(const LogMessage& message);
  std::byte* place_for(const LogMessage& message);
  Status make_again(const LogMessage& message);
  void make_for_another(const detail::EventMaker& make);

  const std::uint32_t reactor_;
  std::optional<OtherBuild> other_build_;  // if this is one
  bool same_allocations_ = true;           // as recorded, up to now
  std::vector<const std::byte*> taken_;    // of the event's inputs: another build may ask in another order
  Supposition supposition_;
  EventSource events_;
  MemoryImage memory_;
  PageComparison core_;
  std::uint64_t position_ = 0;
  std::uint64_t outbound_ = 0;
  std::vector<std::pair<std::uintptr_t, Warning>> warnings_;  // by place
  std::vector<Divergence> divergences_;                       // one for each kind, call and place
  Inbox inbox_;
  // Events in progress that have no place in the slot, neither here nor when they were recorded.
  std::vector<std::pair<int, std::vector<std::byte>>> outside_slot_;  // by depth
  const std::byte* last_event_ = nullptr;
  struct {
    const std::byte* event;
    decltype(detail::EventTypeInfo::thunk) thunk;
  } made_{};  // what comes next, if it is made in the heap
  bool warned_about_locale_ = false;
  bool ends_inside_event_ = false;
  int depth_ = 0;
  std::uint64_t most_relocated_ = 0;  // words
};

}  // namespace afterimage::replay
