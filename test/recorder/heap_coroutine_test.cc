// A coroutine of a reactor: a scope around each resumption, none across co_await. So wherever it goes on, it allocates in its reactor's
// heap, and who resumed it is afterwards where he was.
#include <coroutine>
#include <exception>
#include <string>
#include <thread>
#include <vector>

#include "heap_testing.h"

using namespace afterimage;

namespace {

struct Task {
  struct promise_type {
    Task get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
  std::coroutine_handle<promise_type> handle;
};

Task note_lines(std::vector<std::string>& lines) {
  for (;;) {
    lines.push_back(std::string(100, 'x'));
    co_await std::suspend_always();
  }
}

Task begin_in(Heap& heap, std::vector<std::string>& lines) {
  const HeapScope scope(heap);
  return note_lines(lines);
}

void resume_in(Heap& heap, Task& task) {
  const HeapScope scope(heap);
  task.handle.resume();
}

void it_allocates_in_its_heap_wherever_it_goes_on() {
  TestHeap mine, other;
  std::vector<std::string> lines;
  Task task = begin_in(*mine, lines);
  CHECK(mine->owns(task.handle.address()) && current_heap() == nullptr);
  resume_in(*mine, task);
  {
    const HeapScope busy(*other);  // as in react() of another reactor
    resume_in(*mine, task);
    CHECK(current_heap() == &*other);
  }
  std::thread([&] { resume_in(*mine, task); }).join();
  CHECK_EQUAL(lines.size(), 3u);
  for (const std::string& line : lines) CHECK(mine->owns(line.data()));
  CHECK_EQUAL(live_blocks(*other), 0u);
  {
    const HeapScope scope(*mine);
    task.handle.destroy();
    std::vector<std::string>().swap(lines);
  }
  CHECK_EQUAL(live_blocks(*mine), 0u);
}

}  // namespace

int main() { it_allocates_in_its_heap_wherever_it_goes_on(); }
