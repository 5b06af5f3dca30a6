// The program's own memory bugs: wrong frees are named once and ignored, overruns hit the neighbour as
// they always did, and none of it breaks the heap or makes a replay differ.
#include <unistd.h>

#include <cerrno>
#include <iterator>
#include <string>
#include <vector>

#include "heap_testing.h"

using namespace afterimage;

namespace {

std::size_t lines(const std::string& text) {
  std::size_t count = 0;
  for (const char c : text) count += c == '\n' ? 1 : 0;
  return count;
}

// Out of the compiler's sight: it knows what free() may be given.
[[gnu::noipa]] void free_at(char* block, std::size_t offset) { std::free(block + offset); }

char* volatile g_first;
char* volatile g_second;

struct Misuse {
  const char* title;
  const char* message;
  void (*commit)();
};

constexpr Misuse kMisuses[] = {
    {"double free of a small block", "double free: 0x5",
     [] { g_first = static_cast<char*>(std::malloc(40)); std::free(g_first); std::free(g_first); }},
    {"double free of a block freed long ago", "double free: 0x5",
     [] {
       char* blocks[300];
       for (char*& block : blocks) block = static_cast<char*>(std::malloc(40));
       for (char* const block : blocks) std::free(block);
       g_first = blocks[3];
       std::free(g_first);
     }},
    {"free inside a small block", "free of an address inside a block: 0x5",
     [] { g_first = static_cast<char*>(std::malloc(40)); free_at(g_first, 16); std::free(g_first); }},
    {"double free of a large block", "free of an address that is not a live block: 0x5",
     [] { g_first = static_cast<char*>(std::malloc(400'000)); std::free(g_first); std::free(g_first); }},
    {"free inside the first slice of a large block", "free of an address inside a block: 0x5",
     [] { g_first = static_cast<char*>(std::malloc(400'000)); free_at(g_first, 64); std::free(g_first); }},
    {"free inside a later slice of a large block", "free of an address that is not a live block: 0x5",
     [] { g_first = static_cast<char*>(std::malloc(400'000)); free_at(g_first, 65536); std::free(g_first); }},
    {"free of the heap's own records", "free of an address that is not a live block: 0x5",
     [] { free_at(reinterpret_cast<char*>(current_heap()), 0x10'0000); }},
    {"realloc of a freed block", "realloc of an address that is not a live block: 0x5",
     [] {
       g_first = static_cast<char*>(std::malloc(40));
       std::free(g_first);
       g_second = static_cast<char*>(std::realloc(g_first, 400));
       CHECK(g_second == nullptr);
     }},
};

void each_misuse_is_reported_once_and_ignored() {
  for (const Misuse& misuse : kMisuses) {
    TestHeap heap;
    const std::string text = stderr_of([&] {
      const HeapScope scope(*heap);
      errno = 7;
      misuse.commit();
    });
    const bool right = lines(text) == 1 && text.find(misuse.message) != std::string::npos && heap->misuses() == 1;
    if (!right) std::fprintf(stderr, "%s: said \"%s\"\n", misuse.title, text.c_str());
    CHECK(right);
    CHECK_EQUAL(live_blocks(*heap), 0u);
  }
}

void reports_stop_after_sixteen() {
  TestHeap heap;
  const std::string text = stderr_of([&] {
    const HeapScope scope(*heap);
    char* volatile block = static_cast<char*>(std::malloc(40));
    std::free(block);
    for (int i = 0; i < 100; ++i) std::free(block);
  });
  CHECK_EQUAL(lines(text), 16u);
  CHECK(text.find("further ones in this heap are not reported\n") != std::string::npos);
  CHECK_EQUAL(heap->misuses(), 100u);
}

void a_free_after_the_heap_has_gone_is_ignored() {
  void* volatile left_over = nullptr;
  {
    TestHeap heap;
    left_over = heap->allocate(100);
  }
  const std::string text = stderr_of([&] {
    std::free(left_over);
    CHECK(std::realloc(left_over, 10) == nullptr);
    for (int i = 0; i < 1000; ++i) std::free(left_over);
  });
  CHECK_EQUAL(lines(text), 1u);
  CHECK(text.find("which belonged to a reactor that is gone") != std::string::npos);
}

void misuse_is_the_same_in_a_replay() {
  std::uint64_t fingerprints[2] = {};
  for (std::uint64_t& fingerprint : fingerprints) {
    TestHeap heap;
    stderr_of([&] {
      const HeapScope scope(*heap);
      for (const Misuse& misuse : kMisuses) misuse.commit();
    });
    fingerprint = heap->fingerprint();
  }
  CHECK_EQUAL(fingerprints[0], fingerprints[1]);
}

void an_overrun_hits_the_neighbour_and_nothing_else() {
  TestHeap heap;
  const HeapScope scope(*heap);
  char* volatile first = static_cast<char*>(std::malloc(64));
  char* volatile second = static_cast<char*>(std::malloc(64));
  CHECK(second == first + 64);
  std::memset(second, 'b', 64);
  volatile std::size_t too_much = 80;
  std::memset(first, 'a', too_much);
  CHECK(second[15] == 'a' && second[16] == 'b');
  std::free(first);
  std::free(second);
  CHECK(second[15] == 'a' && second[63] == 'b');  // contents stay for the post-mortem
  CHECK_EQUAL(live_blocks(*heap), 0u);
  CHECK_EQUAL(heap->misuses(), 0u);
}

void reports_can_be_turned_off() {
  TestHeap heap;
  heap->set_report_misuse(false);
  const std::string text = stderr_of([&] {
    const HeapScope scope(*heap);
    for (const Misuse& misuse : kMisuses) misuse.commit();
  });
  CHECK_EQUAL(text.size(), 0u);
  CHECK_EQUAL(heap->misuses(), std::size(kMisuses));
}

}  // namespace

int main() {
  each_misuse_is_reported_once_and_ignored();
  reports_stop_after_sixteen();
  a_free_after_the_heap_has_gone_is_ignored();
  misuse_is_the_same_in_a_replay();
  an_overrun_hits_the_neighbour_and_nothing_else();
  reports_can_be_turned_off();
}
