// Events through a queue of the program's own: who has sent them is in the receiver's log, and what was sent in the sender's.
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "afterimage/recorder.h"
#include "check.h"
#include "format/mcap.h"
#include "heap/slots.h"
#include "replay/event_source.h"
#include "temporary_directory.h"

using namespace afterimage;
using replay::EventSource;
using replay::LogMessage;

namespace {

struct Word {
  std::string text;
};

}  // namespace

template <>
struct afterimage::Codec<Word> {
  static void encode(const Word& word, Bytes& out) {
    for (const char letter : word.text) out.push_back(static_cast<std::byte>(letter));
  }
  static Word decode(std::span<const std::byte> bytes) { return {std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size())}; }
};

namespace {

std::deque<std::function<void()>> g_queue;

constexpr auto enqueue = [](auto posted) noexcept { g_queue.push_back([posted = std::move(posted)] { posted.deliver(); }); };

void run_queue() {
  while (!g_queue.empty()) {
    g_queue.front()();
    g_queue.pop_front();
  }
}

struct Listener {
  std::vector<int> numbers;
  std::vector<std::string> words;
  void react(const int& number) { numbers.push_back(number); }
  void react(const Word& word) { words.push_back(word.text); }
};

struct Speaker {
  ReactorRef<Listener> listener;
  ReactorRef<Speaker> myself;
  int reminders = 0;
  explicit Speaker(ReactorRef<Listener> to) : listener(to) {}
  void react(const int& number) {
    listener.post(number, enqueue);
    listener.post(Word{"the number " + std::to_string(number) + ", in words that do not fit into a short string"}, enqueue);
    if (number == 1) myself.post(2L, enqueue);
  }
  void react(const long&) { ++reminders; }
};

std::vector<std::string> senders(const std::string& directory) {
  EventSource source;
  CHECK(source.open(directory).ok());
  std::vector<std::string> found;
  std::string sender = "nobody";
  while (const auto message = source.next()) {
    if (message->is_input(format::InputKind::sender)) {
      format::Sender from;
      std::memcpy(&from, message->input_value().data(), sizeof from);
      sender = std::to_string(from.reactor) + "/" + std::to_string(from.event) + "/" + std::to_string(from.message);
    }
    if (message->kind == LogMessage::Kind::event) found.push_back(std::exchange(sender, "nobody"));
  }
  return found;
}

void each_has_the_event_that_sent_it() {
  const TemporaryDirectory directory("posted");
  std::string path;
  {
    Recorder recorder = Recorder::open({.directory = directory.path()});
    path = recorder.path();
    auto listener = recorder.create<Listener>("listener");
    auto speaker = recorder.create<Speaker>("speaker", listener.ref());
    speaker.enter([&](Speaker& object) { object.myself = speaker.ref(); });
    speaker.deliver(1);
    CHECK(listener->numbers.empty() && g_queue.size() == 3);
    CHECK(!in_zones(&g_queue.back()));
    run_queue();
    speaker.deliver(2);
    run_queue();
    listener.ref().post(3, enqueue);  // outside of react()
    run_queue();
    CHECK((listener->numbers == std::vector<int>{1, 2, 3}) && listener->words.size() == 2 && speaker->reminders == 1);
    CHECK(in_zones(listener->words.back().data()));
  }
  CHECK((senders(path + "/r0") == std::vector<std::string>{"1/0/0", "1/0/1", "1/2/0", "1/2/1", "nobody"}));
  CHECK((senders(path + "/r1") == std::vector<std::string>{"nobody", "nobody", "nobody"}));
}

// Then that one delivers it.
void in_react_of_another_reactor_it_is_that_ones() {
  struct Forwarder {
    void react(const int&) { run_queue(); }
  };
  const TemporaryDirectory directory("posted");
  std::string path;
  {
    Recorder recorder = Recorder::open({.directory = directory.path()});
    path = recorder.path();
    auto listener = recorder.create<Listener>("listener");
    auto speaker = recorder.create<Speaker>("speaker", listener.ref());
    auto forwarder = recorder.create<Forwarder>("forwarder");
    speaker.deliver(5);
    forwarder.deliver(0);
    CHECK_EQUAL(listener->numbers.size(), 1u);
  }
  CHECK((senders(path + "/r0") == std::vector<std::string>{"2/0/0", "2/0/1"}));
}

}  // namespace

int main() {
  each_has_the_event_that_sent_it();
  in_react_of_another_reactor_it_is_that_ones();
}
