// Where the machine has no thread to give (a limit on processes), nothing is recorded, and the program goes on as it is.
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <string>

#include "afterimage/recorder.h"
#include "check.h"
#include "temporary_directory.h"

namespace {

struct Event {
  int number;
};

struct Counter {
  int sum = 0;
  void react(const Event& event) { sum += event.number; }
};

// No limit counts for root.
void allow_no_more_threads() {
  constexpr uid_t kNobody = 65534;
  if (geteuid() == 0) CHECK(setresuid(kNobody, kNobody, kNobody) == 0);
  const rlimit none{0, 0};
  CHECK(setrlimit(RLIMIT_NPROC, &none) == 0);
}

bool signals_arrive() {
  sigset_t blocked;
  CHECK(pthread_sigmask(SIG_SETMASK, nullptr, &blocked) == 0);
  return sigismember(&blocked, SIGTERM) == 0;
}

}  // namespace

int main() {
  allow_no_more_threads();
  const TemporaryDirectory directory("no-thread");
  {
    auto recorder = afterimage::Recorder::open({.directory = directory.file("recordings")});
    CHECK(recorder.status().message() == "the recorder's threads cannot be started: Resource temporarily unavailable.");
    CHECK(recorder.path().empty() && signals_arrive());
    auto counter = recorder.create<Counter>("counter");
    for (int number = 0; number < 10; ++number) counter.deliver(Event{number});
    CHECK_EQUAL(counter->sum, 45);
  }
  CHECK(!std::filesystem::exists(directory.file("recordings")));
}
