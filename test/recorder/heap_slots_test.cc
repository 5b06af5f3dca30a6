// Slots: where heaps lie, how they are found by address, and what happens when there is no place.
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "heap/inbox.h"
#include "heap_testing.h"

using namespace afterimage;

namespace {

void heaps_lie_in_the_zone_of_their_size() {
  TestHeap large(SlotSize::large), small(SlotSize::small);
  CHECK(large->base() >= kLargeZone && large->base() < kSmallZone);
  CHECK(small->base() >= kSmallZone && small->base() < kZonesEnd);
  CHECK_EQUAL(large->slot_bytes(), std::size_t{64} << 30);
  CHECK_EQUAL(small->slot_bytes(), std::size_t{1} << 30);
  for (const TestHeap* heap : {&large, &small}) {
    CHECK_EQUAL((*heap)->base() % (*heap)->slot_bytes(), 0u);
    const std::uintptr_t last = (*heap)->base() + (*heap)->slot_bytes() - 1;
    CHECK(heap_of(reinterpret_cast<void*>((*heap)->base())) == &**heap);
    CHECK(heap_of(reinterpret_cast<void*>(last)) == &**heap);
    CHECK(heap_of(reinterpret_cast<void*>(last + 1)) != &**heap);
  }
  int local = 0;
  CHECK(heap_of(&local) == nullptr && heap_of(nullptr) == nullptr);
}

// Not even where the administrator wants them everywhere: with one, the copy of a written page is a copy of 2 MiB.
void no_huge_page_comes_into_a_heap() {
  if (::access("/sys/kernel/mm/transparent_hugepage/enabled", F_OK) != 0) return;  // the kernel has none
  TestHeap heap(SlotSize::large);
  const auto block = reinterpret_cast<std::uintptr_t>(heap->allocate(std::size_t{4} << 20));
  std::ifstream mappings("/proc/self/smaps");
  bool is_blocks = false, found = false;
  for (std::string line; std::getline(mappings, line);) {
    std::uintptr_t begin = 0, end = 0;
    if (std::sscanf(line.c_str(), "%lx-%lx ", &begin, &end) == 2) is_blocks = begin <= block && block < end;
    if (!is_blocks || !line.starts_with("VmFlags:")) continue;
    found = true;
    CHECK((line + " ").find(" nh ") != std::string::npos);
  }
  CHECK(found);
}

void the_inbox_is_part_of_the_snapshot_but_not_of_the_allocator() {
  TestHeap heap;
  std::byte* const inbox = heap->inbox();
  CHECK_EQUAL(reinterpret_cast<std::uintptr_t>(inbox) % 64, 0u);
  const std::uint64_t before = heap->fingerprint();
  std::memset(inbox, 0xee, Heap::kInboxBytes);
  CHECK(heap->is_valid() && heap->fingerprint() == before);
  CHECK_EQUAL(live_blocks(*heap), 0u);
  bool covered = false;
  const auto address = reinterpret_cast<std::uintptr_t>(inbox);
  heap->used_ranges([&](std::uintptr_t from, std::size_t bytes) {
    covered = covered || (from <= address && address + Heap::kInboxBytes <= from + bytes);
  });
  CHECK(covered);
  Heap::Block block{};
  CHECK(!heap->locate(address, block));
}

bool is_saved(const Heap& heap, const std::byte* address, std::size_t bytes) {
  const auto begin = reinterpret_cast<std::uintptr_t>(address);
  bool saved = false;
  heap.used_ranges([&](std::uintptr_t from, std::size_t range) { saved = saved || (from <= begin && begin + bytes <= from + range); });
  return saved;
}

void events_that_do_not_fit_the_inbox_have_a_place_of_their_own() {
  TestHeap heap;
  Inbox inbox;
  CHECK(!is_saved(*heap, heap->large_inbox(), 1));
  std::byte* const small = inbox.take(*heap, 1000, 8);
  CHECK(small == heap->inbox());
  const Inbox interrupted = inbox;
  std::byte* const large = inbox.take(*heap, 100'000, 64);
  CHECK(large == heap->large_inbox() && is_saved(*heap, large, 100'000));
  std::byte* const aligned = inbox.take(*heap, 8, 4096);
  CHECK(aligned >= large + 100'000 && reinterpret_cast<std::uintptr_t>(aligned) % 4096 == 0);
  CHECK(inbox.take(*heap, 8, 8) == small + 1024);
  CHECK(inbox.take(*heap, Heap::kLargeInboxBytes, 8) == nullptr && inbox.take(*heap, SIZE_MAX, 8) == nullptr);
  CHECK(heap->is_in_inbox(reinterpret_cast<std::uintptr_t>(aligned)));
  inbox = interrupted;  // the nested events have ended
  CHECK(inbox.take(*heap, 100'000, 8) == large && inbox.take(*heap, Heap::kInboxBytes - 1024, 8) == small + 1024);
  CHECK(Inbox().take(*heap, Heap::kLargeInboxBytes, 64) == large && is_saved(*heap, large, Heap::kLargeInboxBytes));
  CHECK_EQUAL(live_blocks(*heap), 0u);
}

void a_taken_slot_is_passed_over() {
  int error = 0;
  Heap* const probe = Heap::create(SlotSize::small, error);
  const std::uintptr_t next = probe->base() + probe->slot_bytes();
  void* const obstacle = ::mmap(reinterpret_cast<void*>(next + (1 << 20)), 4096, PROT_NONE,
                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  CHECK(obstacle == reinterpret_cast<void*>(next + (1 << 20)));
  Heap* const after = Heap::create(SlotSize::small, error);
  CHECK(after != nullptr && error == 0);
  CHECK_EQUAL(after->base(), next + probe->slot_bytes());

  CHECK(Heap::reserve_at(next, std::size_t{1} << 30, error) == nullptr);
  CHECK_EQUAL(error, EEXIST);
  CHECK_EQUAL(::munmap(obstacle, 4096), 0);
  Heap* const given = Heap::reserve_at(next, std::size_t{1} << 30, error);
  CHECK(given != nullptr && given->base() == next && heap_of(reinterpret_cast<void*>(next + 5)) == given);
  Heap::destroy(given);
  Heap::destroy(after);
  Heap::destroy(probe);
  CHECK(heap_of(reinterpret_cast<void*>(next)) == nullptr);
}

void only_slots_can_be_reserved() {
  struct Place {
    std::uintptr_t base;
    std::size_t bytes;
  };
  constexpr std::size_t kGiB = std::size_t{1} << 30;
  constexpr Place kPlaces[] = {{0x2000'0000'0000, 64 * kGiB}, {kLargeZone, kGiB}, {kSmallZone, 64 * kGiB},
                               {kSmallZone + kGiB / 2, kGiB}, {kZonesEnd, kGiB}};
  for (const Place& place : kPlaces) {
    int error = 0;
    CHECK(Heap::reserve_at(place.base, place.bytes, error) == nullptr);
    CHECK_EQUAL(error, EINVAL);
  }
}

void the_fingerprint_depends_on_every_call() {
  using Calls = void (*)(Heap&);
  constexpr Calls kVariants[] = {
      [](Heap&) {},
      [](Heap& h) { h.allocate(20); },
      [](Heap& h) { h.allocate(21); },  // same block, other size
      [](Heap& h) { h.allocate_aligned(64, 20); },
      [](Heap& h) { h.allocate(200'000); },
      [](Heap& h) { h.deallocate(h.allocate(20)); },
      [](Heap& h) { h.reallocate(h.allocate(20), 22); },
      [](Heap& h) { h.reallocate(h.allocate(20), 2200); },
      [](Heap& h) { h.reallocate(h.allocate(200'000), 200'001); },
      [](Heap& h) { h.allocate(std::size_t{1} << 40); },  // refused, but asked for
      [](Heap& h) { void* a = h.allocate(20); void* b = h.allocate(20); h.deallocate(a); h.deallocate(b); },
      [](Heap& h) { void* a = h.allocate(20); void* b = h.allocate(20); h.deallocate(b); h.deallocate(a); },
  };
  std::vector<std::uint64_t> seen;
  for (const Calls calls : kVariants) {
    std::uint64_t twice[2] = {};
    for (std::uint64_t& fingerprint : twice) {  // in different slots: only offsets count
      TestHeap heap;
      calls(*heap);
      fingerprint = heap->fingerprint();
    }
    CHECK_EQUAL(twice[0], twice[1]);
    for (const std::uint64_t other : seen) CHECK(other != twice[0]);
    seen.push_back(twice[0]);
  }
}

template <class F>
void in_child(F&& body) {
  const pid_t child = ::fork();
  CHECK(child >= 0);
  if (child == 0) {
    body();
    ::_exit(0);
  }
  int status = -1;
  CHECK(::waitpid(child, &status, 0) == child);
  CHECK_EQUAL(status, 0);
}

void an_address_space_limit_is_an_error_not_a_crash() {
  in_child([] {
    const rlimit limit{std::size_t{8} << 30, std::size_t{8} << 30};
    CHECK_EQUAL(::setrlimit(RLIMIT_AS, &limit), 0);
    int error = 0;
    CHECK(Heap::create(SlotSize::large, error) == nullptr);
    CHECK_EQUAL(error, ENOMEM);
    CHECK(Heap::create(SlotSize::small, error) != nullptr);
  });
}

void thousands_of_small_heaps_fit() {
  in_child([] {
    int error = 0;
    std::size_t count = 0;
    while (Heap* const heap = Heap::create(SlotSize::small, error)) {
      CHECK(heap->owns(heap->allocate(100)));
      ++count;
    }
    CHECK_EQUAL(error, ENOSPC);
    CHECK_EQUAL(count, kSmallSlots);
    Heap::destroy(reinterpret_cast<Heap*>(kSmallZone + (std::uintptr_t{1234} << kSmallSlotShift)));
    Heap* const again = Heap::create(SlotSize::small, error);
    CHECK(again != nullptr && error == 0);
    CHECK_EQUAL(live_blocks(*again), 0u);
  });
}

}  // namespace

int main() {
  heaps_lie_in_the_zone_of_their_size();
  no_huge_page_comes_into_a_heap();
  the_inbox_is_part_of_the_snapshot_but_not_of_the_allocator();
  events_that_do_not_fit_the_inbox_have_a_place_of_their_own();
  a_taken_slot_is_passed_over();
  only_slots_can_be_reserved();
  the_fingerprint_depends_on_every_call();
  an_address_space_limit_is_an_error_not_a_crash();
  thousands_of_small_heaps_fit();
}
