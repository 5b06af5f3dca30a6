// recorded_program DIRECTORY [lock]: the smallest program that is recorded, perhaps with its memory locked. Says where its reactor lives, what ten events have added up to,
// and "recorded", or why it is not.
#include <sys/mman.h>

#include <cstdio>
#include <vector>

#include "afterimage/recorder.h"

namespace {

struct Event {
  int number;
};

struct Counter {
  std::vector<int> numbers;
  int sum = 0;
  void react(const Event& event) {
    numbers.push_back(event.number);
    sum += event.number;
  }
};

}  // namespace

int main(int count, char** arguments) {
  auto recorder = afterimage::Recorder::open({.directory = arguments[1]});
  if (count > 2 && mlockall(MCL_FUTURE) != 0) return 2;
  auto counter = recorder.create<Counter>("counter");
  for (int number = 0; number < 10; ++number) counter.deliver(Event{number});
  const afterimage::Status status = recorder.status();
  std::printf("%p %d %s\n", static_cast<const void*>(&*counter), counter->sum, status.ok() ? "recorded" : status.message().c_str());
}
