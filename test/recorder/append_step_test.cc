// No event whose react() had begun is ever lost: the log is read back after every single instruction of the thread that
// records, across appends and changes of segment. This is stronger than killing at random moments.
//
// AFTERIMAGE_STEP_EVENTS: how many events are single-stepped (default 40, four segments).
#include <errno.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>

#include "afterimage/recorder.h"
#include "check.h"
#include "replay/event_source.h"

namespace {

struct Event {
  std::uint64_t number;
  std::uint64_t pattern[6];
};

Event make_event(std::uint64_t number) {
  Event event{.number = number, .pattern = {}};
  for (std::uint64_t& word : event.pattern) word = number * 0x9E3779B97F4A7C15u;
  return event;
}

// Shared with the test: how many events' react() has begun.
std::uint64_t* g_begun = nullptr;

struct Counter {
  void react(const Event& event) { __atomic_store_n(g_begun, event.number + 1, __ATOMIC_SEQ_CST); }
};

[[noreturn]] void record(const std::string& directory, std::uint64_t events) {
  auto recorder = afterimage::Recorder::open({.directory = directory, .segment_bytes = 4096, .snapshot_log_bytes = 0});
  auto counter = recorder.create<Counter>("counter");
  counter.deliver(make_event(0));  // the first event announces its type
  ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
  std::raise(SIGTRAP);
  for (std::uint64_t number = 1; number < events; ++number) counter.deliver(make_event(number));
  _exit(0);
}

std::string reactor_directory(const std::string& directory) {
  for (const auto& entry : std::filesystem::directory_iterator(directory)) return entry.path().string() + "/r0";
  return {};
}

// How many events can be read; each of them must be what was sent.
std::uint64_t read_back(const std::string& directory) {
  afterimage::replay::EventSource source;
  CHECK(source.open(directory).ok());
  std::uint64_t count = 0;
  while (const auto message = source.next()) {
    if (message->kind != afterimage::replay::LogMessage::Kind::event) continue;
    const Event expected = make_event(count++);
    CHECK_EQUAL(message->data.size(), sizeof expected);
    CHECK(std::memcmp(message->data.data(), &expected, sizeof expected) == 0);
  }
  CHECK_EQUAL(count, source.end());
  return count;
}

}  // namespace

int main() {
  const char* const wanted = std::getenv("AFTERIMAGE_STEP_EVENTS");
  const std::uint64_t events = wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : 40;
  char directory[] = "/tmp/append-step-XXXXXX";
  CHECK(mkdtemp(directory) != nullptr);
  g_begun = static_cast<std::uint64_t*>(
      mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) record(directory, events);

  int status = 0;
  CHECK_EQUAL(waitpid(child, &status, 0), child);
  if (!WIFSTOPPED(status)) {
    std::puts("skipped: this machine does not allow ptrace");
    return kSkipped;
  }
  const std::string reactor = reactor_directory(directory);
  std::uint64_t steps = 0, ahead = 0, begun = 0;
  while (WIFSTOPPED(status)) {
    CHECK_EQUAL(WSTOPSIG(status), SIGTRAP);
    begun = __atomic_load_n(g_begun, __ATOMIC_SEQ_CST);
    const std::uint64_t recorded = read_back(reactor);
    CHECK(recorded >= begun);      // nothing is lost
    CHECK(recorded <= begun + 1);  // nothing is made up
    ahead += recorded > begun;
    ++steps;
    CHECK(ptrace(PTRACE_SINGLESTEP, child, nullptr, nullptr) == 0);
    CHECK_EQUAL(waitpid(child, &status, 0), child);
  }
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  CHECK_EQUAL(begun, events);
  CHECK(ahead > 0);  // the moment between commit and react() was seen
  std::printf("read back after each of %llu instructions, %llu events\n", static_cast<unsigned long long>(steps),
              static_cast<unsigned long long>(events));
  std::filesystem::remove_all(directory);
}
