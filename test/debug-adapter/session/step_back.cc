// step_back DIRECTORY: a reactor with what makes going back hard: loops, recursion, two calls from one line, inlined code, an
// exception, state that is only in the heap, events of other kinds, and a crash. Compiled by step-back.test.ts.
#include <afterimage/recorder.h>

#include <map>
#include <stdexcept>
#include <string>
#include <vector>

struct Order {
  int number;
  int amount;
};

struct Poke {
  int number;
};

[[gnu::noinline]] int twice(int value) {
  int result = value;  // line: twice
  result += value;
  return result;
}

[[gnu::noinline]] int factorial(int value) {
  if (value <= 1) return 1;  // line: factorial
  const int rest = factorial(value - 1);
  return value * rest;
}

inline int clamped(int value) {
  if (value > 900) return 900;
  return value;
}

class Shop {
 public:
  void set_self(afterimage::ReactorRef<Shop> self) { self_ = self; }

  void react(const Order& order) {
    ++orders_;                       // line: first
    total_ += clamped(order.amount);
    for (int i = 0; i < 3; ++i) {
      const int both = twice(i) + twice(order.number);  // line: both
      add(both);                     // line: add
    }
    last_ = factorial(4);            // line: recursion
    try {
      check(order);                  // line: check
    } catch (const std::exception&) {
      ++wrong_;                      // line: caught
    }
    if (order.number == 6) self_.deliver(Poke{order.number});  // line: deliver
    names_[order.number] = "order";  // line: name
    if (order.number == 9) *broken_ = 1;  // line: crash
    done_ = order.number;            // line: done
  }

  void react(const Poke& poke) {
    ++pokes_;                        // line: poke
    done_ = -poke.number;
  }

 private:
  [[gnu::noinline]] void add(int value) {
    values_.push_back(value);        // line: push
    sum_ += value;                   // line: sum
  }

  [[gnu::noinline]] void check(const Order& order) {
    if (order.number % 3 == 2) throw std::invalid_argument("every third");
    ++right_;
  }

  afterimage::ReactorRef<Shop> self_;
  std::vector<int> values_;
  std::map<int, std::string> names_;
  int orders_ = 0, total_ = 0, sum_ = 0, last_ = 0, wrong_ = 0, right_ = 0, pokes_ = 0, done_ = 0;
  int* broken_ = nullptr;
};

int main(int, char** argv) {
  auto recorder = afterimage::Recorder::open({.directory = argv[1]});
  auto shop = recorder.create<Shop>("shop");
  shop.enter([&](Shop& object) { object.set_self(shop.ref()); });
  for (int number = 0; number < 10; ++number) shop.deliver(Order{number, 100 * number + 100});
}
