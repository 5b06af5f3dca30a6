// Events that cannot be logged make a gap: the log says which, goes on when it can, and has a snapshot to go on from.
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "afterimage/recorder.h"
#include "check.h"
#include "format/core_file.h"
#include "kills.h"
#include "replay/event_source.h"

using namespace afterimage;
using replay::EventSource;
using replay::LogMessage;

namespace {

struct Event {
  std::uint64_t number;
  std::byte bulk[6000];
};

struct Counter {
  std::uint64_t events = 0;
  void react(const Event&) { ++events; }
};

class Events {
 public:
  explicit Events(Reactor<Counter>& reactor) : reactor_(reactor) {}
  void deliver_one() {
    event_.number = delivered_++;
    reactor_.deliver(event_);
  }
  std::uint64_t delivered() const { return delivered_; }

 private:
  Reactor<Counter>& reactor_;
  Event event_{};
  std::uint64_t delivered_ = 0;
};

struct LogSummary {
  std::uint64_t logged = 0, lost = 0;
  std::vector<std::uint64_t> resumed_at;  // the events behind the gaps
  std::string reason;                     // of the last gap
};

// Every event is there, or in a gap; and those that are there are whole.
LogSummary read_log(const std::string& reactor_directory) {
  EventSource source;
  CHECK(source.open(reactor_directory).ok());
  LogSummary log;
  std::uint64_t next = source.first();
  while (const auto message = source.next()) {
    if (message->kind == LogMessage::Kind::event) {
      CHECK_EQUAL(message->event, next++);
      CHECK(std::memcmp(message->data.data(), &message->event, sizeof message->event) == 0);
      ++log.logged;
    } else if (message->kind == LogMessage::Kind::gap) {
      format::Gap gap{};
      std::memcpy(&gap, message->data.data(), format::kGapHeadBytes);
      CHECK_EQUAL(gap.first, next);
      next += gap.count;
      log.lost += gap.count;
      log.resumed_at.push_back(next);
      log.reason.assign(reinterpret_cast<const char*>(message->data.data()) + format::kGapHeadBytes,
                        message->data.size() - format::kGapHeadBytes);
    }
  }
  CHECK_EQUAL(source.end(), next);
  return log;
}

bool has_snapshot(const std::string& reactor_directory, std::uint64_t position) {
  char name[40];
  std::snprintf(name, sizeof name, "/snap-%012llu.core", static_cast<unsigned long long>(position));
  format::CoreFile core;
  return core.open(reactor_directory + name).ok() && (core.note().flags & format::kDiscontinuity) != 0;
}

void a_program_that_does_not_wait_loses_events_and_says_so() {
  const TemporaryDirectory directory("gap");
  std::uint64_t delivered = 0;
  std::string reactor_directory;
  {
    auto recorder = Recorder::open({.directory = directory.path(), .segment_bytes = 65536, .wait_for_log = false});
    auto reactor = recorder.create<Counter>("counter");
    reactor_directory = recorder.path() + "/r0";
    Events events(reactor);
    while (events.delivered() < 20'000) events.deliver_one();
    CHECK(recorder.status().ok());  // it is what was asked for
    CHECK_EQUAL(reactor->events, events.delivered());
    delivered = events.delivered();
  }
  const LogSummary log = read_log(reactor_directory);
  CHECK_EQUAL(log.logged + log.lost, delivered);
  CHECK(log.lost > 0 && log.logged > 0);
  CHECK(log.reason.find("faster") != std::string::npos);
  for (const std::uint64_t event : log.resumed_at)
    CHECK(event == delivered || has_snapshot(reactor_directory, event));  // the last gap may end with the program
}

void limit_file_size(rlim_t bytes) {
  rlimit limit;
  CHECK(getrlimit(RLIMIT_FSIZE, &limit) == 0);
  limit.rlim_cur = std::min(bytes, limit.rlim_max);
  CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
}

// As on a disk that is full for a while.
void recording_goes_on_when_files_can_be_written_again() {
  signal(SIGXFSZ, SIG_IGN);
  const TemporaryDirectory directory("gap");
  auto recorder = Recorder::open({.directory = directory.path(), .snapshot_log_bytes = 0});
  auto reactor = recorder.create<Counter>("counter");
  Events events(reactor);
  events.deliver_one();
  limit_file_size(1000);
  while (recorder.status().ok()) events.deliver_one();
  CHECK_EQUAL(recorder.status().error(), EFBIG);
  limit_file_size(RLIM_INFINITY);
  while (!recorder.status().ok()) events.deliver_one();
  events.deliver_one();

  const LogSummary log = read_log(recorder.path() + "/r0");
  CHECK_EQUAL(log.logged + log.lost, events.delivered());
  CHECK_EQUAL(log.resumed_at.size(), 1u);
  CHECK(log.reason.find("File too large") != std::string::npos);
}

}  // namespace

int main() {
  a_program_that_does_not_wait_loses_events_and_says_so();
  recording_goes_on_when_files_can_be_written_again();
}
