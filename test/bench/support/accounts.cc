// A reactor with 100 MB of state: a million accounts. Of its events 15 in 16 go to the busiest hundredth of them, the others anywhere.
#include <afterimage/recorder.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <thread>
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

namespace {

bool has_second_snapshot(const std::filesystem::path& directory) {
  for (const auto& entry : std::filesystem::directory_iterator(directory))
    if (entry.path().extension() == ".core" && entry.path().filename() != "snap-000000000000.core") return true;
  return false;
}

}  // namespace

// accounts DIRECTORY EVENTS SNAPSHOT_AT: with one snapshot before the first event, and one after that.
int main(int, char** argv) {
  const auto events = std::strtoul(argv[2], nullptr, 10), snapshot_at = std::strtoul(argv[3], nullptr, 10);
  auto recorder = afterimage::Recorder::open({.directory = argv[1], .snapshot_log_bytes = 0});
  auto bank = recorder.create<Bank>("bank");
  std::uint64_t random = 1;
  bool waits = false;
  for (std::size_t event = 0; event < events; ++event) {
    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    if (event == snapshot_at) bank.snapshot(), waits = true;
    bank.deliver(Payment{random});
    if (!waits) continue;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));  // it is written while the reactor goes on, which would be at its end before
    waits = !has_second_snapshot(recorder.path() + "/r0");
  }
}
