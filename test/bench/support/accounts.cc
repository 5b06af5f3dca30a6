// A reactor with 100 MB of state: a million accounts. Of its events 15 in 16 go to the busiest hundredth of them, the others anywhere.
#include <afterimage/recorder.h>

#include <cstdint>
#include <cstdlib>
#include <vector>

struct Payment { std::uint64_t random; };

struct Account { std::uint64_t balance, payments, last[11]; };

class Bank {
 public:
  Bank() : accounts_(1'000'000) { for (Account& account : accounts_) account.balance = 1; }
  void react(const Payment& payment) {
    const std::uint64_t which = payment.random >> 8;
    Account& account = accounts_[which % (payment.random % 16 == 0 ? accounts_.size() : accounts_.size() / 100)];
    account.last[account.payments++ % 11] = payment.random;
    account.balance += payment.random % 1000;
  }

 private:
  std::vector<Account> accounts_;
};

// accounts DIRECTORY EVENTS SNAPSHOT_LOG_BYTES
int main(int, char** argv) {
  const auto events = std::strtoul(argv[2], nullptr, 10), log_bytes = std::strtoul(argv[3], nullptr, 10);
  auto recorder = afterimage::Recorder::open({.directory = argv[1], .snapshot_log_bytes = log_bytes});
  auto bank = recorder.create<Bank>("bank");
  std::uint64_t random = 1;
  for (std::size_t event = 0; event < events; ++event) {
    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    bank.deliver(Payment{random});
  }
}
