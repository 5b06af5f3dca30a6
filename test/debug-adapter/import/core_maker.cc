// core_maker DIRECTORY WAY: takes a hundred events, then ends in a way that leaves a core. Compiled twice by cores.ts, with
// RECORDED (and the recorder) and without.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <unistd.h>

#ifdef RECORDED
#include <afterimage/recorder.h>
#endif

struct Order {
  int number;
  int price;
  char way[24];
};

class Book {
 public:
  void react(const Order& order) {
    orders_[order.number] = std::string(static_cast<std::size_t>(20 + order.price % 200), 'o');
    const std::string way = order.way;
    if (way == "segv") *static_cast<volatile int*>(nullptr) = order.number;
    if (way == "abort") std::abort();
    if (way == "overflow") depth_ = sink(order.number);
    if (way == "corrupt") corrupt();
    if (way == "inside") wait_for_gdb();
    last_ = order.number;
  }

  static void wait_for_gdb() {
    std::puts("ready");
    std::fflush(stdout);
    for (;;) pause();
  }

 private:
  int sink(int depth) { return depth < 0 ? 0 : sink(depth + 1) + depth; }

  // Overwrites its own block and whatever comes behind it, and then allocates.
  void corrupt() {
    char* const block = new char[24];
    std::memset(block, 0x5a, static_cast<std::size_t>(last_) * 30);
    for (int i = 0; i < 1000; ++i) orders_[-i] = std::string(24, 'c');
    *reinterpret_cast<volatile int*>(orders_.begin()->second.size()) = 0;
  }

  std::map<int, std::string> orders_;
  int depth_ = 0;
  int last_ = -1;
};

int main(int, char** argv) {
  const char* const way = argv[2];
#ifdef RECORDED
  auto recorder = afterimage::Recorder::open({.directory = argv[1]});
  auto book = recorder.create<Book>("book");
  const auto deliver = [&](const Order& order) { book.deliver(order); };
#else
  Book book;
  const auto deliver = [&](const Order& order) { book.react(order); };
#endif
  for (int i = 0; i < 100; ++i) {
    Order order{i, i * 7, ""};
    if (i == 99) std::strncpy(order.way, way, sizeof order.way - 1);
    deliver(order);
  }
  if (std::string(way) == "between") Book::wait_for_gdb();
  if (std::string(way) == "outside") std::raise(SIGSEGV);
}
