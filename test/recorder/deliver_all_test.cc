// Events that are there together are delivered together: each of them as if by itself.
#include <cstring>
#include <filesystem>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

#include "afterimage/recorder.h"
#include "check.h"
#include "replay/event_source.h"
#include "temporary_directory.h"

using namespace afterimage;
using replay::EventSource;
using replay::LogMessage;

namespace {

struct Sum {
  std::uint64_t total = 0;
  std::vector<std::uint64_t> seen;  // in the reactor's heap
  void react(const std::uint64_t& number) {
    if (number == 13) throw std::runtime_error("unlucky");
    total += number;
    seen.push_back(number);
  }
};

struct Splitter {
  ReactorRef<Sum> sum;
  explicit Splitter(ReactorRef<Sum> to) : sum(to) {}
  void react(const std::uint32_t& count) {
    const OutsideScope outside;
    std::vector<std::uint64_t> numbers(count, 1);
    sum.deliver_all(numbers);
  }
};

std::vector<std::uint64_t> numbers(std::uint64_t first, std::size_t count) {
  std::vector<std::uint64_t> numbers(count);
  std::iota(numbers.begin(), numbers.end(), first);
  return numbers;
}

struct LogSummary {
  std::uint64_t events = 0, ended = 0, thrown = 0, sent = 0;
};

// Each event, then its end.
LogSummary read_log(const std::string& reactor_directory) {
  EventSource source;
  CHECK(source.open(reactor_directory).ok());
  LogSummary log;
  while (const auto message = source.next()) {
    if (message->kind == LogMessage::Kind::event) CHECK_EQUAL(message->event, log.events++);
    if (message->is_input(format::InputKind::sender)) ++log.sent;
    if (message->kind != LogMessage::Kind::done) continue;
    format::Done done{};
    std::memcpy(&done, message->data.data(), sizeof done);
    CHECK_EQUAL(done.event, log.ended++);
    log.thrown += done.flags & format::kThrew;
  }
  return log;
}

void each_of_them_is_an_event_of_its_own() {
  const TemporaryDirectory directory("deliver-all");
  std::string path;
  {
    Recorder recorder = Recorder::open({.directory = directory.path(), .segment_bytes = 4096, .snapshot_log_bytes = 8192});
    path = recorder.path();
    auto sum = recorder.create<Sum>("sum");
    sum.deliver_all(numbers(100, 1000));
    sum.deliver_all(std::vector<std::uint64_t>{});
    sum.deliver_all(numbers(5000, 1));
    CHECK_EQUAL(sum->seen.size(), 1001u);
    CHECK_EQUAL(sum->total, 1000u * 100 + 999u * 500 + 5000);
    CHECK(recorder.status().ok());
  }
  const LogSummary log = read_log(path + "/r0");
  CHECK_EQUAL(log.events, 1001u);
  CHECK_EQUAL(log.ended, 1001u);
  CHECK(std::filesystem::exists(path + "/r0/ev-00000002.mcap"));
}

void after_an_exception_the_rest_is_not_delivered() {
  const TemporaryDirectory directory("deliver-all");
  std::string path;
  {
    Recorder recorder = Recorder::open({.directory = directory.path()});
    path = recorder.path();
    auto sum = recorder.create<Sum>("sum");
    bool caught = false;
    try {
      sum.deliver_all(numbers(10, 10));
    } catch (const std::runtime_error& error) {
      caught = std::strcmp(error.what(), "unlucky") == 0;
    }
    CHECK(caught);
    CHECK_EQUAL(sum->seen.size(), 3u);
    sum.deliver_all(numbers(20, 2));
    CHECK_EQUAL(sum->seen.size(), 5u);
  }
  const LogSummary log = read_log(path + "/r0");
  CHECK_EQUAL(log.events, 6u);
  CHECK_EQUAL(log.ended, 6u);
  CHECK_EQUAL(log.thrown, 1u);
}

void a_reactor_sends_them_to_another_one() {
  const TemporaryDirectory directory("deliver-all");
  std::string path;
  {
    Recorder recorder = Recorder::open({.directory = directory.path()});
    path = recorder.path();
    auto sum = recorder.create<Sum>("sum");
    auto splitter = recorder.create<Splitter>("splitter", sum.ref());
    const std::uint32_t counts[] = {3, 0, 4};
    splitter.deliver_all(counts);
    CHECK_EQUAL(sum->total, 7u);
  }
  CHECK_EQUAL(read_log(path + "/r0").sent, 7u);
  CHECK_EQUAL(read_log(path + "/r1").ended, 3u);
}

void unrecorded_they_are_delivered_too() {
  Recorder recorder = Recorder::open({.directory = "/proc/no/such/directory"});
  CHECK(!recorder.status().ok());
  auto sum = recorder.create<Sum>("sum");
  sum.deliver_all(numbers(20, 100));
  CHECK_EQUAL(sum->seen.size(), 100u);
}

}  // namespace

int main() {
  each_of_them_is_an_event_of_its_own();
  after_an_exception_the_rest_is_not_delivered();
  a_reactor_sends_them_to_another_one();
  unrecorded_they_are_delivered_too();
}
