// A reactor is any class with react(), handle(), consume() or operator(): each is called, once per event, by every way of delivering.
#include <cstdint>
#include <string>
#include <vector>

#include "afterimage/recorder.h"
#include "check.h"
#include "replay/event_source.h"
#include "temporary_directory.h"

using afterimage::Recorder;
using afterimage::replay::EventSource;
using afterimage::replay::LogMessage;

namespace {

struct Number {
  std::uint64_t value;
};

struct Text {  // not trivially copyable: by a codec
  std::string text;
};

}  // namespace

template <>
struct afterimage::Codec<Text> {
  static void encode(const Text& text, Bytes& out) {
    for (const char c : text.text) out.push_back(static_cast<std::byte>(c));
  }
  static Text decode(std::span<const std::byte> payload) { return {{reinterpret_cast<const char*>(payload.data()), payload.size()}}; }
};

namespace {

struct Reacts {
  std::uint64_t sum = 0;
  void react(const Number& number) { sum += number.value; }
  void react(const Text& text) { sum += text.text.size(); }
};
struct Handles {
  std::uint64_t sum = 0;
  void handle(const Number& number) { sum += number.value; }
  void handle(const Text& text) { sum += text.text.size(); }
};
struct Consumes {
  std::uint64_t sum = 0;
  void consume(const Number& number) { sum += number.value; }
  void consume(const Text& text) { sum += text.text.size(); }
};
struct IsCalled {
  std::uint64_t sum = 0;
  int operator()(const Number& number) { return static_cast<int>(sum += number.value); }  // what it returns is nobody's
  int operator()(const Text& text) { return static_cast<int>(sum += text.text.size()); }
};

// By the type of the event, and in the order above where there are several.
struct Mixed {
  std::uint64_t sum = 0;
  void handle(const Number& number) { sum += number.value; }
  void consume(const Number&) { CHECK(false); }
  void operator()(const Number&) { CHECK(false); }
  void consume(const Text& text) { sum += text.text.size(); }
  void operator()(const Text&) { CHECK(false); }
};

std::uint64_t events_in(const std::string& directory) {
  EventSource source;
  CHECK(source.open(directory).ok());
  std::uint64_t events = 0;
  while (const auto message = source.next()) events += message->kind == LogMessage::Kind::event;
  return events;
}

template <typename T>
void all_events_arrive(const std::string& directory) {
  std::string log;
  {
    auto recorder = Recorder::open({.directory = directory});
    auto reactor = recorder.create<T>("reactor");
    log = recorder.path() + "/r0";
    reactor.deliver(Number{1});
    reactor.deliver_all(std::vector<Number>{{10}, {100}});
    reactor.deliver(Text{std::string(1000, 'x')});
    reactor.deliver_made([] { return Number{10'000}; });
    reactor.ref().deliver(Number{100'000});
    CHECK_EQUAL(reactor->sum, 111'111u);
    CHECK(recorder.status().ok());
  }
  CHECK_EQUAL(events_in(log), 6u);
}

}  // namespace

int main() {
  const TemporaryDirectory directory("react-names");
  all_events_arrive<Reacts>(directory.path());
  all_events_arrive<Handles>(directory.path());
  all_events_arrive<Consumes>(directory.path());
  all_events_arrive<IsCalled>(directory.path());
  all_events_arrive<Mixed>(directory.path());
}
