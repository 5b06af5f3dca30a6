// The kinda-safe heap: a SafePtr knows when its object is gone, whatever was allocated there since; and the heap tells when it went.
#include "afterimage/safe_ptr.h"

#include <filesystem>
#include <unordered_set>
#include <vector>

#include "afterimage/recorder.h"
#include "heap_testing.h"

namespace {

using namespace afterimage;

struct Base {
  virtual ~Base() = default;
  int base = 1;
};
struct Session : Base {
  long user = 7;
};
struct Named {
  virtual ~Named() = default;
  char name[24] = "named";
};
struct Both : Named, Session {};

struct SafeHeap : TestHeap {
  explicit SafeHeap(SlotSize size = SlotSize::small) : TestHeap(size) {
    (*this)->set_report_misuse(false);
    (*this)->keep_ids();
  }
};

void a_pointer_to_a_living_object_is_a_pointer() {
  SafeHeap heap;
  const HeapScope scope(*heap);
  SafePtr<Session> session = make_safe<Session>();
  CHECK(session && !session.is_dangling());
  CHECK_EQUAL(session->user, 7);
  const SafePtr<Base> base = session;
  CHECK(base == session && base->base == 1);
  CHECK(std::unordered_set<SafePtr<Session>>{session}.contains(session));
  safe_delete(session);
  CHECK(session == nullptr && base.is_dangling());
  CHECK_EQUAL(heap->misuses(), 0u);
}

// The second base begins inside of the block.
void a_pointer_into_an_object_has_the_id_of_its_block() {
  SafeHeap heap;
  const HeapScope scope(*heap);
  Both* const both = new Both;
  const SafePtr<Session> session(both);
  const SafePtr<long> user(&both->user);
  CHECK(static_cast<void*>(session.get()) != both && *user == 7);
  delete both;
  CHECK(session.is_dangling() && user.is_dangling());
}

void whatever_is_allocated_there_later_is_another_block() {
  for (const std::size_t bytes : {16u, 48u, 5000u, 70'000u, 3'000'000u}) {
    SafeHeap heap(bytes > 100'000 ? SlotSize::large : SlotSize::small);
    const HeapScope scope(*heap);
    char* const block = static_cast<char*>(heap->allocate(bytes));
    const SafePtr<char> first(block);
    heap->deallocate(block);
    CHECK(first.is_dangling());
    CHECK(heap->allocate(bytes) == block);
    const SafePtr<char> second(block);
    CHECK(first.is_dangling() && !second.is_dangling());
    heap->deallocate(block);
    CHECK(first.is_dangling() && second.is_dangling());
  }
}

// Also in other sizes, when the span serves another class: no old pointer is ever taken for a new one.
void ids_never_come_back() {
  SafeHeap heap;
  const HeapScope scope(*heap);
  RandomNumbers random;
  std::vector<SafePtr<char>> dead, live;
  for (int i = 0; i < 50'000; ++i) {
    if (live.size() < 300 || random.below(2) == 0) {
      live.emplace_back(static_cast<char*>(heap->allocate(1 + random.below(random.below(20) == 0 ? 100'000 : 900))));
    } else {
      std::swap(live[random.below(live.size())], live.back());
      heap->deallocate(live.back().unchecked());
      if (dead.size() < 5000) dead.push_back(live.back());
      live.pop_back();
    }
  }
  for (const SafePtr<char>& pointer : dead) CHECK(pointer.is_dangling());
  for (const SafePtr<char>& pointer : live) CHECK(!pointer.is_dangling());
}

void a_pointer_made_of_a_dangling_one_is_dangling() {
  SafeHeap heap;
  const HeapScope scope(*heap);
  char* const block = static_cast<char*>(heap->allocate(40));
  heap->deallocate(block);
  CHECK(SafePtr<char>(block).is_dangling());
}

void other_objects_are_never_dangling() {
  SafeHeap safe;
  TestHeap fast;
  int on_the_stack = 0;
  const SafePtr<int> local(&on_the_stack);
  SafePtr<int> in_fast_heap, in_safe_heap_of_others;
  {
    const HeapScope scope(*fast);
    in_fast_heap = make_safe<int>();
    in_safe_heap_of_others = SafePtr<int>(static_cast<int*>(safe->allocate(40)));
    delete in_fast_heap.unchecked();
  }
  CHECK(!local.is_dangling() && !in_fast_heap.is_dangling() && !in_safe_heap_of_others.is_dangling());
  CHECK(!SafePtr<int>().is_dangling() && SafePtr<int>() == nullptr);
}

void a_second_delete_is_named_and_does_nothing() {
  SafeHeap heap;
  const HeapScope scope(*heap);
  SafePtr<Session> session = make_safe<Session>(), copy = session;
  safe_delete(session);
  Session* const other = new Session;  // the same memory
  CHECK(other == copy.unchecked());
  safe_delete(copy);
  CHECK_EQUAL(heap->misuses(), 1u);
  CHECK_EQUAL(live_blocks(*heap), 1u);
}

// The same calls give the same ids, in whatever process.
void ids_are_the_same_in_a_replay() {
  std::uint32_t ids[2] = {};
  for (std::uint32_t& id : ids) {
    SafeHeap heap;
    std::vector<void*> blocks;
    for (int i = 0; i < 1000; ++i) {
      blocks.push_back(heap->allocate(40));
      if (i % 3 != 0) heap->deallocate(blocks[static_cast<std::size_t>(i)]);
    }
    for (const void* const block : blocks) id = id * 31 + *heap->id_of(block);
  }
  CHECK_EQUAL(ids[0], ids[1]);
}

void ids_are_saved_and_leave_room_for_the_data() {
  SafeHeap heap;
  const HeapScope scope(*heap);
  const SafePtr<char> pointer(static_cast<char*>(heap->allocate(40)));
  const auto id = reinterpret_cast<std::uintptr_t>(heap->id_of(pointer.unchecked()));
  bool is_saved = false;
  std::uintptr_t end = 0;
  heap->used_ranges([&](std::uintptr_t begin, std::size_t bytes) {
    CHECK(begin >= end);
    end = begin + bytes;
    is_saved = is_saved || (id >= begin && id < end);
  });
  CHECK(is_saved && end <= heap->base() + heap->slot_bytes());
  while (void* const block = heap->allocate(1 << 20)) CHECK(static_cast<char*>(block) + (1 << 20) <= reinterpret_cast<char*>(heap->base() + heap->slot_bytes() / 4 * 3));
}

struct Clinic {
  SafePtr<Session> session;
  std::vector<Session*> others;

  void react(const int& what) {
    if (what == 0) session = make_safe<Session>();
    if (what == 1) delete session.unchecked();
    if (what == 2) others.push_back(new Session);
    if (what == 3) ++session->user;
  }
};

void a_dangling_access_in_react_goes_on() {
  char directory[] = "/tmp/safe-ptr-XXXXXX";
  CHECK(mkdtemp(directory) != nullptr);
  {
    auto recorder = Recorder::open({.directory = directory, .memory = Memory::kinda_safe});
    auto clinic = recorder.create<Clinic>("clinic");
    for (const int what : {0, 3, 1, 2, 3}) clinic.deliver(what);
    CHECK_EQUAL(clinic.memory().misuses, 1u);
    CHECK_EQUAL(clinic->others[0]->user, 8);  // as with a plain pointer: it is another one's
  }
  std::filesystem::remove_all(directory);
}

}  // namespace

int main() {
  a_pointer_to_a_living_object_is_a_pointer();
  a_pointer_into_an_object_has_the_id_of_its_block();
  whatever_is_allocated_there_later_is_another_block();
  ids_never_come_back();
  a_pointer_made_of_a_dangling_one_is_dangling();
  other_objects_are_never_dangling();
  a_second_delete_is_named_and_does_nothing();
  ids_are_the_same_in_a_replay();
  ids_are_saved_and_leave_room_for_the_data();
  a_dangling_access_in_react_goes_on();
}
