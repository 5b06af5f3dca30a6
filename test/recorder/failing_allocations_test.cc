// Allocations that fail on purpose: the right ones, inside react() only, and the same ones in every run.
#include <malloc.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <new>
#include <vector>

#include "afterimage/recorder.h"
#include "heap_testing.h"
#include "heap/settings.h"

namespace {

using namespace afterimage;

// How many allocations of so many bytes succeed before one fails; at most 10,000.
int until_one_fails(Heap& heap, std::size_t bytes) {
  for (int count = 0; count < 10'000; ++count)
    if (heap.allocate(bytes) == nullptr) return count;
  return 10'000;
}

void the_nth_one_fails_and_no_other() {
  TestHeap heap;
  heap->fail_allocations({.nth = 100});
  CHECK_EQUAL(until_one_fails(*heap, 40), 10'000);  // outside of react()
  heap->exchange_event(1);
  CHECK_EQUAL(until_one_fails(*heap, 40), 99);
  CHECK_EQUAL(until_one_fails(*heap, 40), 10'000);
  CHECK_EQUAL(heap->statistics().failed_allocations, 1u);
}

void large_ones_fail() {
  TestHeap heap;
  heap->fail_allocations({.above_bytes = 4096});
  heap->exchange_event(1);
  CHECK_EQUAL(until_one_fails(*heap, 4096), 10'000);
  CHECK_EQUAL(until_one_fails(*heap, 4097), 0);
  CHECK_EQUAL(until_one_fails(*heap, 0), 10'000);
}

std::vector<int> lengths(std::uint64_t seed) {
  TestHeap heap;
  heap->fail_allocations({.probability = 0.01, .seed = seed});
  heap->exchange_event(1);
  std::vector<int> found;
  for (int i = 0; i < 100; ++i) found.push_back(until_one_fails(*heap, 40));
  return found;
}

void chance_is_decided_by_the_seed() {
  const auto found = lengths(7);
  int sum = 0;
  for (const int length : found) sum += length;
  CHECK(sum > 5'000 && sum < 20'000);  // 10,000 expected, give or take 1,000
  CHECK(found == lengths(7));
  CHECK(found != lengths(9));
}

// Every way to ask for memory.
void each_function_can_fail() {
  const auto fails = [](auto ask) {
    TestHeap heap;
    heap->fail_allocations({.nth = 1});
    heap->exchange_event(1);
    const HeapScope scope(*heap);
    errno = 0;
    return ask() == nullptr && errno == ENOMEM;
  };
  CHECK(fails([] { return std::malloc(40); }));
  CHECK(fails([] { return std::malloc(400'000); }));
  CHECK(fails([] { return std::calloc(4, 10); }));
  CHECK(fails([] { return std::calloc(40, 10'000); }));
  CHECK(fails([] { return std::realloc(nullptr, 40); }));
  CHECK(fails([] { return std::aligned_alloc(64, 640); }));
  CHECK(fails([] { return ::memalign(4096, 400'000); }));
  CHECK(fails([] { return ::operator new(40, std::nothrow); }));
}

void the_environment_says_which() {
  const auto which = parse_fail_allocations("nth=100,probability=0.25,seed=7,above=4096");
  CHECK(which && which->nth == 100 && which->seed == 7 && which->above_bytes == 4096);
  CHECK(which->probability > 0.24 && which->probability < 0.26);
  CHECK(parse_fail_allocations("") && !parse_fail_allocations("")->any());
  for (const char* const wrong : {"nth", "nth=", "nth=x", "nth=-1", "often=1", "probability=2", "nth=1;seed=2", "nth=99999999999999999999"})
    CHECK(!parse_fail_allocations(wrong));
}

// As the recording has it, for another build of the program.
void settings_are_text_and_come_back_from_it() {
  CHECK(to_text({}).empty());
  const HeapSettings all{.limit_bytes = 1 << 20,
                         .kinda_safe = true,
                         .stop_at_misuse = true,
                         .fail_allocations = {.nth = 100, .probability = 0.1, .seed = ~std::uint64_t{0}, .above_bytes = 4096}};
  const std::string text = "limit=1048576,kinda-safe=1,stop-at-misuse=1,nth=100,probability=0.1,seed=18446744073709551615,above=4096";
  CHECK(to_text(all) == text);
  const auto read = parse_heap_settings(text);
  CHECK(read && to_text(*read) == text);
  for (const char* const wrong : {"limit", "limit=x", "kinda-safe=2", "nth=1 ", "ids=1"}) CHECK(!parse_heap_settings(wrong));
  CHECK(!parse_fail_allocations("limit=1"));
}

void settings_make_the_heap_what_it_was() {
  TestHeap heap;
  heap->set_up({.limit_bytes = 1 << 20, .kinda_safe = true, .fail_allocations = {.nth = 2}});
  CHECK_EQUAL(heap->statistics().limit_bytes, std::uint64_t{1} << 20);
  CHECK(heap->keeps_ids());
  heap->exchange_event(1);
  CHECK_EQUAL(until_one_fails(*heap, 40), 1);
}

void a_reactor_gets_bad_alloc_and_goes_on() {
  char directory[] = "/tmp/fail-allocations-XXXXXX";
  CHECK(mkdtemp(directory) != nullptr);
  {
    auto recorder = Recorder::open({.directory = directory, .fail_allocations = {.above_bytes = 500}});
    auto hoarder = recorder.create<Hoarder>("hoarder");
    for (const int bytes : {10, 1000, 20, 2000}) hoarder.deliver(bytes);
    CHECK_EQUAL(hoarder->hoard.size(), 2u);
    CHECK_EQUAL(hoarder->refused, 2);
    CHECK_EQUAL(hoarder.memory().failed_allocations, 2u);
    CHECK(recorder.status().ok());
  }
  std::filesystem::remove_all(directory);
}

}  // namespace

int main() {
  the_nth_one_fails_and_no_other();
  large_ones_fail();
  chance_is_decided_by_the_seed();
  each_function_can_fail();
  the_environment_says_which();
  settings_are_text_and_come_back_from_it();
  settings_make_the_heap_what_it_was();
  a_reactor_gets_bad_alloc_and_goes_on();
}
