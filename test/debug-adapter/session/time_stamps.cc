// Reads the time-stamp counter in react(), and in a function that react() calls; dies in event 2.
#include <afterimage/recorder.h>
#include <x86intrin.h>

#include <cstdint>

struct Tick {
  std::uint64_t number;
};

class Meter {
 public:
  void react(const Tick& tick) {
    total_ += __rdtsc();  // line: read
    total_ += deeper();   // line: call
    ++ticks_;             // line: behind
    if (tick.number == 2) *static_cast<volatile int*>(nullptr) = 0;  // line: crash
  }

 private:
  std::uint64_t deeper() {
    unsigned processor;
    const std::uint64_t now = __rdtscp(&processor);  // line: deeper
    return now;
  }

  std::uint64_t total_ = 0, ticks_ = 0;
};

int main(int, char** arguments) {
  auto recorder = afterimage::Recorder::open({.directory = arguments[1]});
  auto meter = recorder.create<Meter>("meter");
  for (std::uint64_t i = 0; i < 3; ++i) meter.deliver(Tick{i});
}
