// What a reactor has lent is destroyed by that reactor, in an event of its own, wherever it was dropped.
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "afterimage/foreign_ptr.h"
#include "afterimage/recorder.h"
#include "check.h"
#include "heap/heap.h"
#include "replay/event_source.h"
#include "temporary_directory.h"

using namespace afterimage;
using replay::EventSource;
using replay::LogMessage;

namespace {

struct Desk;

// It tells its desk when it goes, as what it frees does: neither may happen on another thread.
struct Quote {
  Desk& desk;
  int price;
  std::string text = "a text that is longer than what fits into the string itself";
  ~Quote();
};
using Lent = ForeignPtr<std::unique_ptr<Quote>>;

struct Ask { int price; };
struct Count {};

struct Desk {
  std::vector<int> gone;
  std::vector<std::thread::id> gone_at;
  std::vector<Lent> outbox;
  int events = 0;

  void react(const Ask& ask) {
    outbox.push_back(make_foreign(std::make_unique<Quote>(*this, ask.price)));
  }
  void react(const Count&) { ++events; }
};

Quote::~Quote() {
  desk.gone.push_back(price);
  desk.gone_at.push_back(std::this_thread::get_id());
}

std::size_t live_blocks(const Reactor<Desk>& desk) { return desk.memory().live_blocks; }

// The program takes it out of the reactor, as it would by an event to another one.
Lent take(Reactor<Desk>& desk) {
  Lent lent;
  desk.enter([&](Desk& object) {
    lent = std::move(object.outbox.back());
    object.outbox.pop_back();
  });
  return lent;
}

struct Logged {
  std::string type;
  std::uint64_t event;
  bool was_sent = false;
};

std::vector<Logged> read_log(const std::string& directory) {
  EventSource source;
  CHECK(source.open(directory).ok());
  std::vector<Logged> events;
  bool was_sent = false;
  while (const auto message = source.next()) {
    was_sent = was_sent || message->is_input(format::InputKind::sender);
    if (message->kind == LogMessage::Kind::event) events.push_back({message->channel->type, message->event, std::exchange(was_sent, false)});
  }
  return events;
}

void its_owner_destroys_it_before_the_next_event() {
  const TemporaryDirectory directory("foreign");
  std::string path;
  {
    Recorder recorder = Recorder::open({.directory = directory.path()});
    path = recorder.path();
    auto desk = recorder.create<Desk>("desk");
    desk.deliver(Ask{7});
    Lent lent = take(desk);
    CHECK_EQUAL(lent->price, 7);  // a thread that is in no reactor may look
    CHECK_EQUAL(lent.owner(), desk.ref().id());
    CHECK(!lent.is_with_owner());
    const std::size_t blocks = live_blocks(desk);
    std::thread([&] { lent.reset(); }).join();
    CHECK(!lent && desk->gone.empty());
    CHECK_EQUAL(live_blocks(desk), blocks);
    desk.deliver(Count{});
    CHECK_EQUAL(desk->gone.size(), 1u);
    CHECK(desk->gone_at.front() == std::this_thread::get_id());
    CHECK_EQUAL(desk->events, 1);
    CHECK_EQUAL(live_blocks(desk), blocks - 3 + 2);  // of the quote, its text, and what holds it; for the two vectors of what is gone
  }
  const auto events = read_log(path + "/r0");
  CHECK_EQUAL(events.size(), 3u);
  CHECK(events[1].type.starts_with("afterimage::Dropped<std::unique_ptr<"));
  CHECK(!events[1].was_sent && events[2].type.ends_with("Count"));
}

struct Holder {
  std::vector<Lent> held;
  void react(Lent&& lent) { held.push_back(std::move(lent)); }
  void react(const Count&) { held.clear(); }
};

void another_reactor_sends_it_back() {
  const TemporaryDirectory directory("foreign");
  std::string path;
  {
    Recorder recorder = Recorder::open({.directory = directory.path()});
    path = recorder.path();
    auto desk = recorder.create<Desk>("desk");
    auto holder = recorder.create<Holder>("holder");
    for (int price = 0; price < 3; ++price) desk.deliver(Ask{price});
    for (int i = 0; i < 3; ++i) {
      Lent lent = take(desk);
      holder.deliver_made([&] { return std::move(lent); });
    }
    holder.deliver(Count{});
    CHECK(desk->gone.empty());
    desk.deliver(Count{});
    CHECK((desk->gone == std::vector<int>{2, 1, 0}));  // in the order in which they were dropped
    CHECK(recorder.status().ok());
  }
  const auto events = read_log(path + "/r0");
  CHECK_EQUAL(events.size(), 7u);
  for (std::size_t i = 3; i < 6; ++i) CHECK(events[i].type.starts_with("afterimage::Dropped<") && events[i].was_sent);
}

void in_its_own_react_it_goes_at_once() {
  const TemporaryDirectory directory("foreign");
  Recorder recorder = Recorder::open({.directory = directory.path()});
  auto desk = recorder.create<Desk>("desk");
  desk.deliver(Ask{1});
  desk.deliver(Ask{2});
  desk.enter([](Desk& object) {
    CHECK(object.outbox.front().is_with_owner());
    object.outbox.clear();
  });
  CHECK((desk->gone == std::vector<int>{1, 2}));
  desk.deliver(Ask{3});
  std::unique_ptr<Quote> quote;
  desk.enter([&](Desk& object) {
    quote = object.outbox.front().release();
    CHECK(!object.outbox.front() && quote->price == 3);
    quote.reset();
  });
  CHECK_EQUAL(desk->gone.size(), 3u);
}

void elsewhere_it_is_not_given_back() {
  const TemporaryDirectory directory("foreign");
  Recorder recorder = Recorder::open({.directory = directory.path()});
  auto desk = recorder.create<Desk>("desk");
  desk.deliver(Ask{4});
  Lent lent = take(desk);
  CHECK(lent.release() == nullptr);  // and it is said on stderr
  CHECK(lent && lent->price == 4);
}

void copies_are_made_by_the_owner() {
  struct Cache {
    std::shared_ptr<const std::string> text = std::make_shared<std::string>("shared by many, and never written to");
    std::vector<ForeignPtr<std::shared_ptr<const std::string>>> lent;
    void react(const int& copies) {
      lent.push_back(make_foreign(text));
      while (static_cast<int>(lent.size()) < copies) lent.push_back(lent.front().copy());
    }
  };
  const TemporaryDirectory directory("foreign");
  Recorder recorder = Recorder::open({.directory = directory.path()});
  auto cache = recorder.create<Cache>("cache");
  cache.deliver(8);
  CHECK_EQUAL(cache->text.use_count(), 9);
  decltype(Cache::lent) lent;
  cache.enter([&](Cache& object) { lent = std::move(object.lent); });
  std::vector<std::thread> readers;
  for (auto& pointer : lent) readers.emplace_back([pointer = std::move(pointer)]() mutable {
    CHECK(*pointer == "shared by many, and never written to");
    pointer.reset();
  });
  for (std::thread& reader : readers) reader.join();
  CHECK_EQUAL(cache->text.use_count(), 9);
  cache.deliver(0);
  CHECK_EQUAL(cache->text.use_count(), 2);
}

void at_its_end_it_destroys_what_has_come_back() {
  const TemporaryDirectory directory("foreign");
  std::string path;
  static int destroyed = 0;
  struct Counted {
    ~Counted() { ++destroyed; }
  };
  struct Lender {
    ForeignPtr<std::unique_ptr<Counted>> one, two;
    void react(const int&) {
      one = make_foreign(std::make_unique<Counted>());
      two = make_foreign(std::make_unique<Counted>());
    }
  };
  ForeignPtr<std::unique_ptr<Counted>> late;
  std::uintptr_t slot = 0;
  {
    Recorder recorder = Recorder::open({.directory = directory.path()});
    path = recorder.path();
    auto lender = recorder.create<Lender>("lender");
    lender.deliver(1);
    ForeignPtr<std::unique_ptr<Counted>> early;
    lender.enter([&](Lender& object) {
      early = std::move(object.one);
      late = std::move(object.two);
    });
    slot = reinterpret_cast<std::uintptr_t>(&*lender) >> kSmallSlotShift;
    early.reset();
    CHECK_EQUAL(destroyed, 0);
  }
  CHECK_EQUAL(destroyed, 1);
  CHECK_EQUAL(read_log(path + "/r0").size(), 2u);
  // Nobody else comes to live there as long as it is held.
  for (std::size_t i = 0; i < kSmallSlots + kLargeSlots; ++i) {
    int error = 0;
    Heap* const heap = Heap::create(SlotSize::small, error);
    CHECK(heap != nullptr && heap->base() >> kSmallSlotShift != slot);
    Heap::destroy(heap);
  }
  late.reset();  // too late, which is said on stderr
  CHECK_EQUAL(destroyed, 1);
}

void without_a_recording_or_a_heap_it_goes_back_too() {
  struct Lender {
    ForeignPtr<std::unique_ptr<int>> lent;
    void react(const int& value) { lent = make_foreign(std::make_unique<int>(value)); }
  };
  auto unrecorded = Recorder::open({.directory = ""});
  auto lender = unrecorded.create<Lender>("lender");
  lender.deliver(5);
  ForeignPtr<std::unique_ptr<int>> lent;
  lender.enter([&](Lender& object) { lent = std::move(object.lent); });
  const auto blocks = [&] { return lender.memory().live_blocks; };
  const std::uint64_t before = blocks();
  lent.reset();
  CHECK_EQUAL(blocks(), before);
  lender.deliver(6);
  CHECK_EQUAL(blocks(), before);  // two are gone, two are there

  // What belongs to nobody goes where it is dropped.
  static int destroyed = 0;
  struct Counted {
    ~Counted() { ++destroyed; }
  };
  auto nobodys = make_foreign(std::make_unique<Counted>());
  CHECK(nobodys.owner() == ~0u && nobodys.is_with_owner());
  nobodys = nullptr;
  CHECK_EQUAL(destroyed, 1);
  CHECK(make_foreign(std::unique_ptr<int>()) == nullptr);
}

}  // namespace

int main() {
  its_owner_destroys_it_before_the_next_event();
  another_reactor_sends_it_back();
  in_its_own_react_it_goes_at_once();
  elsewhere_it_is_not_given_back();
  copies_are_made_by_the_owner();
  at_its_end_it_destroys_what_has_come_back();
  without_a_recording_or_a_heap_it_goes_back_too();
}
