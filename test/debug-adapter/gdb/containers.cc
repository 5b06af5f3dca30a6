// A program full of values to look at. `inspect_here` has everything in scope; what the other functions are for is in
// gdb.test.ts. Compiled by the test, with debug information and without optimisation.
#include <array>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

struct Order {
  int id;
  double price;
  std::string symbol;
};

struct Account {
  virtual ~Account() = default;
  std::int64_t total = 7;
};

struct NamedAccount : Account {
  std::string name = "Zürich";
  int rank = 3;
};

class Ledger : public Account {
 public:
  Ledger() {
    for (int i = 0; i < 10'000; ++i) big[i] = Order{i, i * 0.5, "S" + std::to_string(i)};
    for (int i = 0; i < 200'000; ++i) numbers.push_back(i * 2);
  }
  int balance_of(const std::string& who) const { return balances.at(who); }

  int count = 1;
  int touched = 0;
  std::map<std::string, int> balances{{"alice", 10}, {"bob", 20}, {"carol", 30}};
  std::map<int, Order> big;
  std::vector<int> numbers;
  std::vector<bool> flags{true, false, true};
  std::unordered_map<int, std::string> names{{1, "one"}};
  std::set<std::string> tags{"x", "y"};
  std::deque<int> queue{1, 2, 3};
  std::list<int> chain{4, 5};
  std::array<int, 3> triple{7, 8, 9};
  std::vector<Order> empty;
  std::unique_ptr<Order> last = std::make_unique<Order>(Order{7, 7.5, "GHI"});
  std::shared_ptr<Order> shared = std::make_shared<Order>(Order{8, 8.5, "JKL"});
  std::unique_ptr<Order> nothing;
  std::variant<int, std::string, Order> choice = std::string("hello");
  std::optional<int> some = 42;
  std::optional<int> none;
  std::unique_ptr<Account> polymorphic = std::make_unique<NamedAccount>();
  Order* raw = shared.get();
  Order* wild = reinterpret_cast<Order*>(0x10);
  const char* text = "plain text";
  char buffer[16] = "in a buffer";
  int grid[2][3] = {{1, 2, 3}, {4, 5, 6}};
  union {
    int as_number = 65;
    char as_character;
  };
};

[[gnu::noinline]] void inspect_here(Ledger& ledger, int step) {
  std::string quoted = "say \"hi\"\n";
  int shadowed = 1;
  {
    int shadowed = 2;
    ledger.count += shadowed;  // line: inspect
  }
  ledger.touched += shadowed + static_cast<int>(quoted.size()) + step;
}

[[gnu::noinline]] int loop(Ledger& ledger) {
  int sum = 0;
  for (int i = 0; i < 20; ++i) {
    sum += i;  // line: loop
  }
  // line: no code here
  ledger.touched = sum;  // line: code after that
  return sum;
}

int main(int argc, char**) {
  Ledger ledger;
  inspect_here(ledger, 5);
  loop(ledger);
  if (argc > 1) {
    while (true) ledger.touched++;  // line: forever
  }
  std::abort();
}
