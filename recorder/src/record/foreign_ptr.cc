// What a reactor has lent (afterimage/foreign_ptr.h): it is destroyed where its owner is, or queued for its owner.
//
// Whose it is, its address says; a reactor without a heap has a queue of its own, in the ordinary heap, which lives until the last of
// its objects has come back. In a replay there is one reactor only: what belongs to another one is dropped by sending, as it was then.
#include "record/foreign_ptr.h"

#include <new>

#include "base/raw_log.h"
#include "base/replay_mode.h"
#include "heap/current_heap.h"
#include "heap/libc_heap.h"
#include "heap/misuse.h"
#include "record/current_event.h"
#include "record/reactor_core.h"

namespace afterimage::detail {
namespace {

bool is_in_heap(const LentObject* lent) noexcept { return in_zones(lent); }

ForeignQueue* queue_of(const LentObject* lent) noexcept { return is_in_heap(lent) ? &slot_of(lent).foreign : lent->owner; }

Heap* heap_of_owner(const LentObject* lent) noexcept { return is_in_heap(lent) ? heap_of(lent) : nullptr; }

// Whose react() this thread is in; null: nobody's.
Heap* heap_of_event() noexcept {
  if (replay_hooks != nullptr) return replay_hooks->heap_of_event();
  return t_record.current.reactor != nullptr ? t_record.current.reactor->heap() : nullptr;
}

void came_back(ForeignQueue& queue, bool is_of_a_heap) noexcept {
  if (queue.lent.fetch_sub(1, std::memory_order_acq_rel) == 1 && !is_of_a_heap) {
    discard_foreign_requests(queue);
    delete &queue;
  }
}

void destroy(LentObject* lent) noexcept {
  const HeapScope scope(heap_of_owner(lent));
  if (take_back(lent)) lent->destroy(lent);
}

[[gnu::cold]] void say_owner_is_gone(const LentObject* lent, std::uint32_t reactor) noexcept {
  static constinit std::atomic<int> said = 0;
  constexpr int kSaid = 16;
  if (said.fetch_add(1, std::memory_order_relaxed) >= kSaid) return;
  RawLine().text("the object at ").address(lent).text(" is not destroyed: it was dropped after its owner, reactor ").number(reactor)
      .text(", has ended.").print();
}

// Without memory for it the object stays where it is.
void ask_owner(ForeignQueue& queue, LentObject* lent, const EventTypeInfo& type, const Envelope& envelope) noexcept {
  void* const memory = __libc_malloc(sizeof(ForeignDrop));
  if (memory != nullptr) queue_foreign_request(queue, new (memory) ForeignDrop{{nullptr, nullptr}, lent, &type, envelope});
}

}  // namespace

ForeignQueue* foreign_queue_for(Heap* heap, std::uint32_t reactor) {
  ForeignQueue* const queue = heap != nullptr ? &foreign_queue_of(*heap) : new ForeignQueue{.first = nullptr, .lent = 1, .reactor_plus_1 = 0};
  queue->reactor_plus_1.store(reactor + 1, std::memory_order_release);
  return queue;
}

void abandon_foreign(ForeignQueue& queue, const Heap* heap, ForeignRequest* dropped) noexcept {
  queue.reactor_plus_1.store(0, std::memory_order_release);
  for (const ForeignRequest* request = dropped; request != nullptr; request = request->next) came_back(queue, heap != nullptr);
  free_requests(dropped);
  if (heap == nullptr) came_back(queue, false);
}

Owner this_owner() noexcept {
  Heap* const heap = current_heap() != nullptr ? current_heap() : heap_of_event();
  if (heap != nullptr) {
    ForeignQueue& queue = foreign_queue_of(*heap);
    return {heap, &queue, queue.reactor_plus_1.load(std::memory_order_relaxed) - 1};
  }
  ReactorCore* const reactor = replay_hooks == nullptr ? t_record.current.reactor : nullptr;
  return reactor != nullptr ? Owner{nullptr, &reactor->foreign(), reactor->id()} : Owner{nullptr, nullptr, kNobody};
}

void count_lent(const Owner& owner) noexcept {
  if (replay_hooks == nullptr && owner.queue != nullptr) owner.queue->lent.fetch_add(1, std::memory_order_relaxed);
}

bool is_with_owner(const LentObject* lent, std::uint32_t reactor) noexcept {
  if (Heap* const heap = heap_of_owner(lent)) return heap == current_heap() || heap == heap_of_event();
  if (is_in_heap(lent)) return false;  // its reactor has ended, or is not replayed here
  if (reactor == kNobody) return true;
  return replay_hooks == nullptr && t_record.current.reactor != nullptr && &t_record.current.reactor->foreign() == lent->owner;
}

void drop(LentObject* lent, std::uint32_t reactor, const EventTypeInfo& type) noexcept {
  if (is_with_owner(lent, reactor)) return destroy(lent);
  const Envelope envelope = send(reactor, type, &lent, sizeof lent);
  if (replay_hooks != nullptr) return;
  ForeignQueue& queue = *queue_of(lent);
  if (queue.reactor_plus_1.load(std::memory_order_acquire) != 0) return ask_owner(queue, lent, type, envelope);
  say_owner_is_gone(lent, reactor);
  came_back(queue, is_in_heap(lent));
}

bool take_back(LentObject* lent) noexcept {
  if (replay_hooks != nullptr) {
    const Heap* const heap = heap_of_owner(lent);
    const bool is_there = !is_in_heap(lent) || (heap != nullptr && heap->is_live_at(lent) && lent->destroy != nullptr);
    if (!is_there) replay_hooks->nothing_lent(lent);
    return is_there;
  }
  if (ForeignQueue* const queue = queue_of(lent)) came_back(*queue, is_in_heap(lent));
  return true;
}

void look_at_lent(const LentObject* lent, std::uint32_t reactor) noexcept {
  const bool is_in_react = replay_hooks != nullptr ? replay_hooks->heap_of_event() != nullptr : t_record.current.reactor != nullptr;
  if (is_in_react && !is_with_owner(lent, reactor)) [[unlikely]] misuse_of_lent(lent, reactor, "use of an object of another reactor: ");
}

void misuse_of_lent(const LentObject* lent, std::uint32_t reactor, const char* what) noexcept {
  Heap* const heap = current_heap();
  if (heap != nullptr) return heap->report_misuse(what, lent, __builtin_return_address(0));
  RawLine().text(what).address(lent).text(", of reactor ").number(reactor).print();
}

}  // namespace afterimage::detail
