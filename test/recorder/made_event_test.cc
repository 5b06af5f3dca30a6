// Events that are made in the reactor's heap: what they own lies there, the log has it, and from the log it is made again.
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

#include "afterimage/recorder.h"
#include "check.h"
#include "format/made.h"
#include "heap/heap.h"
#include "heap/journal.h"
#include "replay/event_source.h"
#include "replay/made_again.h"
#include "temporary_directory.h"

using namespace afterimage;
using replay::EventSource;
using replay::LogMessage;
using replay::MadeAgain;

namespace {

struct Order {
  std::uint64_t number;
  std::string customer;
  std::vector<int> items;
  std::variant<std::uint64_t, std::string> payment;
  std::shared_ptr<std::string> account;
};

const std::string kLong = "a text that is longer than what fits into the string itself";

Order an_order(std::uint64_t number) {
  Order order{.number = number, .customer = kLong + std::to_string(number), .items = {}, .payment = number, .account = nullptr};
  for (int i = 0; i < 20; ++i) order.items.push_back(static_cast<int>(number) + i);  // grows, so it leaves freed blocks behind
  if (number % 2 != 0) order.payment = "paid by " + kLong;
  order.account = std::make_shared<std::string>("the account of " + order.customer);
  return order;
}

bool is_order(const Order& order, std::uint64_t number) {
  const Order expected = an_order(number);
  return order.number == number && order.customer == expected.customer && order.items == expected.items && order.payment == expected.payment &&
         *order.account == *expected.account;
}

bool is_in_a_heap(const Order& order) {
  const auto* const text = std::get_if<std::string>(&order.payment);
  return in_zones(&order) && in_zones(order.customer.data()) && in_zones(order.items.data()) && in_zones(order.account.get()) &&
         in_zones(order.account->data()) && (text == nullptr || in_zones(text->data()));
}

struct Desk {
  std::vector<Order> orders;
  std::vector<bool> were_in_heap;
  ReactorRef<Desk> myself;

  void react(Order&& order) {
    were_in_heap.push_back(is_in_a_heap(order));
    orders.push_back(std::move(order));
  }
  void react(const int& number) {  // sends itself what it takes out of its own memory
    std::string text = kLong;
    myself.deliver_made([&] {
      Order order = an_order(static_cast<std::uint64_t>(number));
      order.customer = std::move(text) + std::to_string(number);
      return order;
    });
  }
};

struct Shop {
  ReactorRef<Desk> desk;
  int made = 0;

  explicit Shop(ReactorRef<Desk> to) : desk(to) {}
  void react(const int& number) {
    desk.deliver_made([&] {
      ++made;
      return an_order(static_cast<std::uint64_t>(number));
    });
  }
};

struct LoggedEvent {
  std::string codec;
  std::vector<std::byte> payload;
};

std::vector<LoggedEvent> read_log(const std::string& reactor_directory) {
  EventSource source;
  CHECK(source.open(reactor_directory).ok());
  std::vector<LoggedEvent> events;
  while (const auto message = source.next())
    if (message->kind == LogMessage::Kind::event) events.push_back({message->channel->codec, {message->data.begin(), message->data.end()}});
  return events;
}

// Whether the log has all that a replay does to the heap, or only what the event was.
bool is_told(const LoggedEvent& event) {
  const auto made = format::read_made(event.payload);
  CHECK(event.codec == "made" && made && !made->operations.empty());
  return made->operations.front().operation.kind != HeapOperation::Kind::keep;
}

bool has_snapshot(const std::string& reactor_directory, int position) {
  char name[40];
  std::snprintf(name, sizeof name, "/snap-%012d.core", position);
  return std::filesystem::exists(reactor_directory + name);
}

void the_reactor_keeps_what_the_event_owned() {
  const TemporaryDirectory directory("made");
  std::string path;
  {
    Recorder recorder = Recorder::open({.directory = directory.path(), .segment_bytes = 4096, .snapshot_log_bytes = 8192});
    path = recorder.path();
    auto desk = recorder.create<Desk>("desk");
    for (std::uint64_t number = 0; number < 100; ++number) desk.deliver_made([&] { return an_order(number); });
    CHECK_EQUAL(desk->orders.size(), 100u);
    for (std::uint64_t number = 0; number < 100; ++number) {
      CHECK(is_order(desk->orders[number], number));
      CHECK(desk->were_in_heap[number] && in_zones(desk->orders[number].customer.data()));
    }
    CHECK(recorder.status().ok());
  }
  const auto events = read_log(path + "/r0");
  CHECK_EQUAL(events.size(), 100u);
  for (const LoggedEvent& event : events) CHECK(is_told(event));
}

void who_does_not_get_an_event_gets_the_exception() {
  const TemporaryDirectory directory("made");
  std::string path;
  {
    Recorder recorder = Recorder::open({.directory = directory.path()});
    path = recorder.path();
    auto desk = recorder.create<Desk>("desk");
    desk.deliver_made([] { return an_order(1); });
    bool caught = false;
    try {
      desk.deliver_made([]() -> Order {
        const Order order = an_order(2);
        throw std::runtime_error(order.customer);
      });
    } catch (const std::runtime_error& error) {
      caught = error.what() == an_order(2).customer;
    }
    CHECK(caught);
    CHECK(!in_zones(std::make_unique<int>(1).get()));
    desk.deliver_made([] { return an_order(3); });
    CHECK_EQUAL(desk->orders.size(), 2u);
    CHECK(is_order(desk->orders[1], 3));
  }
  CHECK_EQUAL(read_log(path + "/r0").size(), 2u);
  CHECK(has_snapshot(path + "/r0", 1));  // the heap is not as the first event has left it
  CHECK(!has_snapshot(path + "/r0", 2));
}

void reactors_send_them_to_others_and_to_themselves() {
  const TemporaryDirectory directory("made");
  std::string path;
  {
    Recorder recorder = Recorder::open({.directory = directory.path()});
    path = recorder.path();
    auto desk = recorder.create<Desk>("desk");
    auto shop = recorder.create<Shop>("shop", desk.ref());
    desk.enter([&](Desk& reactor) { reactor.myself = desk.ref(); });
    shop.deliver(7);
    desk.deliver(8);
    shop.deliver(9);
    CHECK_EQUAL(shop->made, 2);
    CHECK_EQUAL(desk->orders.size(), 3u);
    for (std::uint64_t i = 0; i < 3; ++i) CHECK(is_order(desk->orders[i], 7 + i) && desk->were_in_heap[i]);
  }
  const auto events = read_log(path + "/r0");
  CHECK_EQUAL(events.size(), 4u);
  CHECK(is_told(events[0]));
  CHECK_EQUAL(events[1].codec == "trivial", true);
  CHECK(!is_told(events[2]));  // the event that sends it makes it again
  CHECK(is_told(events[3]));
}

void another_event_may_come_while_one_is_made() {
  const TemporaryDirectory directory("made");
  std::string path;
  {
    Recorder recorder = Recorder::open({.directory = directory.path()});
    path = recorder.path();
    auto desk = recorder.create<Desk>("desk");
    desk.deliver_made([] { return an_order(1); });
    desk.deliver_made([&] {
      Order order = an_order(3);
      desk.deliver_made([] { return an_order(2); });
      return order;
    });
    for (std::uint64_t i = 0; i < 3; ++i) CHECK(is_order(desk->orders[i], 1 + i));
  }
  const auto events = read_log(path + "/r0");
  CHECK_EQUAL(events.size(), 3u);
  CHECK(is_told(events[1]) && has_snapshot(path + "/r0", 1));   // with what was there of the other one
  CHECK(!is_told(events[2]) && has_snapshot(path + "/r0", 2));
}

void unrecorded_they_are_delivered_too() {
  Recorder recorder = Recorder::open({.directory = "/proc/no/such/directory"});
  CHECK(!recorder.status().ok());
  auto desk = recorder.create<Desk>("desk");
  for (std::uint64_t number = 0; number < 10; ++number) desk.deliver_made([&] { return an_order(number); });
  for (std::uint64_t number = 0; number < 10; ++number) CHECK(is_order(desk->orders[number], number));
}

// Of a heap that has been used already.
struct MadeOrder {
  Heap* heap;
  std::uintptr_t base;
  std::vector<std::byte> payload;
  std::uint64_t fingerprint;
};

void use(Heap& heap) {
  for (std::size_t bytes = 8; bytes < 4000; bytes += 24) {
    void* const block = heap.allocate(bytes);
    if (bytes % 5 == 0) heap.deallocate(block);
  }
}

Heap* used_heap() {
  int error = 0;
  Heap* const heap = Heap::create(SlotSize::small, error);
  CHECK(heap != nullptr);
  use(*heap);
  return heap;
}

MadeOrder make_an_order() {
  MadeOrder made{.heap = used_heap(), .base = 0, .payload = {}, .fingerprint = 0};
  HeapJournal journal;
  CHECK(made.heap->exchange_listener(&journal) == nullptr);
  Order* order = nullptr;
  {
    const HeapScope scope(*made.heap);
    order = new Order(an_order(5));
    order->items.shrink_to_fit();
    void* block = std::realloc(std::calloc(20, 5000), 120'000);  // a large one, which grows where it is
    order->items.push_back(static_cast<int*>(block)[7]);
    order->items.pop_back();
    std::free(block);
  }
  CHECK(made.heap->exchange_listener(nullptr) == &journal);
  const std::size_t noted = journal.operations().size();
  made.heap->deallocate(made.heap->allocate(64));
  CHECK_EQUAL(journal.operations().size(), noted);  // it is over
  format::write_made(made.payload, reinterpret_cast<std::uintptr_t>(order), journal.operations());
  made.base = made.heap->base();
  made.fingerprint = made.heap->fingerprint();
  return made;
}

void at_the_same_place_it_is_the_same() {
  const MadeOrder made = make_an_order();
  const std::size_t bytes = made.heap->slot_bytes();
  Heap::destroy(made.heap);
  int error = 0;
  Heap* const heap = Heap::create_at(made.base, bytes, error);
  CHECK(heap != nullptr);
  use(*heap);
  const MadeAgain again(*format::read_made(made.payload), *heap, {}, sizeof(Order));
  CHECK(again.same_places() && again.event() != nullptr);
  CHECK(is_order(*reinterpret_cast<const Order*>(again.event()), 5));
  heap->deallocate(heap->allocate(64));
  CHECK_EQUAL(heap->fingerprint(), made.fingerprint);
  Heap::destroy(heap);
}

void elsewhere_its_pointers_are_shifted() {
  const MadeOrder made = make_an_order();
  Heap* const moved = used_heap();
  const Relocation relocation{.recorded = made.base, .here = moved->base(), .bytes = moved->slot_bytes()};
  const MadeAgain there(*format::read_made(made.payload), *moved, relocation, sizeof(Order));
  CHECK(there.same_places());
  const auto& order = *reinterpret_cast<const Order*>(there.event());
  CHECK(is_order(order, 5) && moved->owns(&order) && moved->owns(order.account->data()));

  int error = 0;
  Heap* const other = Heap::create(SlotSize::small, error);  // nothing is where it was
  other->allocate(sizeof(Order));
  const MadeAgain otherwise(*format::read_made(made.payload), *other, {}, sizeof(Order));
  CHECK(!otherwise.same_places());
  const auto& same = *reinterpret_cast<const Order*>(otherwise.event());
  CHECK(is_order(same, 5) && other->owns(same.customer.data()) && other->owns(same.account->data()));
  for (Heap* const heap : {made.heap, moved, other}) Heap::destroy(heap);
}

// In a heap of its own: whatever is damaged, nothing outside of it is touched.
void damaged_it_is_refused_or_something_else() {
  const MadeOrder made = make_an_order();
  for (std::size_t bytes = 0; bytes < made.payload.size(); ++bytes) CHECK(!format::read_made(std::span(made.payload).first(bytes)));
  RandomNumbers random;
  for (int round = 0; round < 300; ++round) {
    auto payload = made.payload;
    for (int i = 0; i < 4; ++i) payload[random.below(std::min<std::size_t>(payload.size(), 1200))] ^= std::byte(1 + random.below(255));
    const auto damaged = format::read_made(payload);
    if (!damaged) continue;
    Heap* const heap = used_heap();
    heap->set_report_misuse(false);
    heap->set_limit(std::size_t{64} << 20);
    const MadeAgain again(*damaged, *heap, {.recorded = made.base, .here = heap->base(), .bytes = heap->slot_bytes()}, sizeof(Order));
    CHECK(again.event() == nullptr || heap->owns(again.event()));
    Heap::destroy(heap);
  }
  Heap::destroy(made.heap);
}

}  // namespace

int main() {
  the_reactor_keeps_what_the_event_owned();
  who_does_not_get_an_event_gets_the_exception();
  reactors_send_them_to_others_and_to_themselves();
  another_event_may_come_while_one_is_made();
  unrecorded_they_are_delivered_too();
  at_the_same_place_it_is_the_same();
  elsewhere_its_pointers_are_shifted();
  damaged_it_is_refused_or_something_else();
}
