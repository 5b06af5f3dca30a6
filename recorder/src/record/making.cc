// Events that are made in the reactor's heap (afterimage/made.h): what happens there meanwhile belongs to the log, as what it leads to does.
//
// The order is that of a replay: first whatever comes before an event, foreign frees, a snapshot; then the event is made; then it is
// logged, and begins. Where that cannot be told as operations of the heap, a snapshot is taken with the event in it, and the log says only
// where it is.
#include "base/out_of_memory.h"
#include "format/made.h"
#include "record/reactor_core.h"

namespace afterimage::detail {
namespace {

// A journal is kept, and the heap is this thread's.
class MakingScope {
 public:
  MakingScope(Heap& heap, HeapJournal& journal) noexcept : heap_(heap), scope_(heap), previous_(heap.exchange_listener(&journal)) {
    journal.clear();
  }
  ~MakingScope() { heap_.exchange_listener(previous_); }
  MakingScope(const MakingScope&) = delete;
  MakingScope& operator=(const MakingScope&) = delete;

 private:
  Heap& heap_;
  const HeapScope scope_;
  HeapListener* const previous_;
};

std::uint64_t address_of(const void* pointer) noexcept { return reinterpret_cast<std::uintptr_t>(pointer); }

// An event that was very large shall not cost that memory for ever.
constexpr std::size_t kKeptPayloadBytes = std::size_t{1} << 20;

}  // namespace

// As begin() would.
void ReactorCore::prepare_to_make() noexcept {
  if (made_payload_.capacity() > kKeptPayloadBytes) made_payload_ = {}, journal_ = {};
  if (depth_ == 0 && must_prepare()) prepare_event();
}

// When make() throws, the heap is not as the last event has left it: the next one begins with a snapshot.
ReactorCore::Made ReactorCore::make_event(const EventMaker& make) {
  prepare_to_make();
  const std::uint64_t number = next_event_;
  void* event = nullptr;
  if (!recording_) {
    const HeapScope scope(heap_);
    return {make(), {}, false};
  }
  {
    const MakingScope scope(*heap_, journal_);
    event = make();
  }
  bool is_told = recording_ && next_event_ == number && journal_.is_complete();  // and there were no other events meanwhile
  is_told = is_told && finds_memory([&] { format::write_made(made_payload_, address_of(event), journal_.operations()); });
  if (!is_told) {
    require_snapshot();
    return made_already(event);
  }
  boundary_fingerprint_ = heap_->fingerprint();
  return {event, made_payload_, true};
}

ReactorCore::Made ReactorCore::make_inside_event(const EventMaker& make) {
  if (!recording_) {
    const HeapScope scope(heap_);
    return {make(), {}, false};
  }
  void* event = nullptr;
  {
    const MakingScope scope(*heap_, journal_);
    event = make();
  }
  return made_already(event);
}

// Nothing is to be done again; what it has allocated is for readers.
ReactorCore::Made ReactorCore::made_already(void* event) noexcept {
  const OutsideScope outside;
  for (HeapOperation& operation : journal_.operations()) {
    if (operation.kind == HeapOperation::Kind::free) operation.address = 0;
    operation.kind = HeapOperation::Kind::keep;
  }
  if (!finds_memory([&] { format::write_made(made_payload_, address_of(event), journal_.operations()); })) {
    made_payload_.clear();
    if (recording_) step_aside(out_of_memory(), next_event_);
  }
  return {event, made_payload_, false};
}

}  // namespace afterimage::detail
