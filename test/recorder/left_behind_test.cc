// What a reactor has put into variables outside of it outlives it, as it would in a program that nobody records; within bounds.
#include <afterimage/recorder.h>

#include <cstdio>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "check.h"
#include "engines.h"
#include "format/control.h"
#include "heap/heap.h"
#include "heap/retired_heaps.h"
#include "temporary_directory.h"

using namespace afterimage;

namespace {

struct Named {
  int number;
};

std::map<int, std::string> g_cache;  // a destructor behind main() walks it, too

struct Namer {
  std::vector<char> much = std::vector<char>(std::size_t{4} << 20, 'x');  // of less, any engine copies all at once
  std::vector<std::string> own;
  void react(const Named& event) {
    own.push_back("what goes with the reactor");
    g_cache[event.number] = "a name too long to be kept inside, and number " + std::to_string(event.number);
  }
};

// Bytes that are mapped where heaps lie.
std::size_t mapped_in_zones() {
  std::FILE* const file = std::fopen("/proc/self/maps", "r");
  std::size_t bytes = 0;
  char line[512];
  std::uintptr_t begin = 0, end = 0;
  while (std::fgets(line, sizeof line, file) != nullptr)
    if (std::sscanf(line, "%lx-%lx", &begin, &end) == 2 && in_zones(reinterpret_cast<void*>(begin))) bytes += end - begin;
  std::fclose(file);
  return bytes;
}

Heap& new_heap(SlotSize size) {
  int error = 0;
  Heap* const heap = Heap::create(size, error);
  CHECK(heap != nullptr);
  return *heap;
}

void test_readable_with(const char* engine) {
  const TemporaryDirectory directory("left-behind");
  {
    auto recorder = Recorder::open({.directory = directory.path(), .snapshot_engine = engine, .reactors_do_io = false});
    CHECK(recorder.status().ok());
    auto namer = recorder.create<Namer>("namer");
    for (int i = 0; i < 1000; ++i) namer.deliver(Named{i});
    check_recorded_with_engine(recorder.path(), engine);
    namer.snapshot();
    const auto position = [&] { return format::read_reactor_slot(recorder.path() + "/control", 0).snapshot_position; };
    do namer.deliver(Named{1000});
    while (position() == 0);
  }
  CHECK(g_cache.size() == 1001);
  CHECK(g_cache[1000].ends_with("number 1000"));
  g_cache[7] += ", and some more";  // written, and allocated anew, elsewhere
  CHECK(g_cache[7].ends_with("some more"));
  g_cache.clear();
}

// Some blocks in use far apart, and much that is not.
void test_only_what_is_in_use() {
  const std::size_t before = mapped_in_zones();
  Heap& heap = new_heap(SlotSize::large);
  std::vector<void*> kept;
  for (int i = 0; i < 100; ++i) {
    kept.push_back(heap.allocate(100'000));
    std::memset(kept.back(), i, 100'000);
    void* const big = heap.allocate(1'000'000);
    std::memset(big, 1, 1'000'000);
    heap.deallocate(big);
  }
  retire(&heap);
  for (int i = 0; i < 100; ++i) CHECK(static_cast<unsigned char*>(kept[static_cast<std::size_t>(i)])[99'999] == i);
  CHECK(mapped_in_zones() - before <= 100 * (2 * kSliceBytes));
}

void test_nothing_left() {
  release_retired_heaps();
  Heap& heap = new_heap(SlotSize::small);
  heap.deallocate(heap.allocate(100));
  retire(&heap);
  CHECK(mapped_in_zones() == 0);
}

void test_bounds() {
  for (std::size_t i = 0; i < 3 * kRetiredHeaps; ++i) {
    Heap& heap = new_heap(SlotSize::small);
    CHECK(heap.allocate(1000) != nullptr);
    retire(&heap);
  }
  CHECK(mapped_in_zones() == kRetiredHeaps * kSliceBytes);
  Heap& large = new_heap(SlotSize::large);
  CHECK(large.allocate(kRetiredBytes + 1) != nullptr);
  retire(&large);
  CHECK(mapped_in_zones() == kRetiredHeaps * kSliceBytes);  // too much: given back at once
  Heap& vast = new_heap(SlotSize::large);
  vast.deallocate(vast.allocate(std::size_t{2} << 30));
  CHECK(vast.allocate(1000) != nullptr);
  retire(&vast);
  CHECK(mapped_in_zones() == kRetiredHeaps * kSliceBytes);  // too much to look through
}

void test_slots_run_out() {
  for (std::size_t i = 0; i < kRetiredHeaps; ++i) {
    Heap& heap = new_heap(SlotSize::large);
    CHECK(heap.allocate(1000) != nullptr);
    retire(&heap);
  }
  std::vector<Heap*> heaps;
  for (std::size_t i = 0; i < kLargeSlots; ++i) heaps.push_back(&new_heap(SlotSize::large));
  for (Heap* const heap : heaps) Heap::destroy(heap);
}

}  // namespace

int main() {
  for (const char* const engine : {"stop", "precopy", "fork", "cow-uffd", "cow-mprotect"})
    if (machine_has_engine(engine)) test_readable_with(engine);
  test_only_what_is_in_use();
  test_nothing_left();
  test_bounds();
  test_slots_run_out();
}
