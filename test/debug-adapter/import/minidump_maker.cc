// minidump_maker HANDLER DATABASE: crashes, with another thread that waits, and lets Crashpad's handler write a minidump of that, as a
// program with Crashpad's client does: the handler is started at the crash, and told where signal and registers are.
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <condition_variable>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <map>
#include <mutex>
#include <string>
#include <thread>

namespace {

// crashpad: util/linux/exception_information.h
struct [[gnu::packed]] ExceptionInformation {
  std::uint64_t siginfo, context;
  std::int32_t thread;
} information;

const char* handler;
std::string database;
char where[64];

void dump(int signal, siginfo_t* info, void* context) {
  information = {reinterpret_cast<std::uint64_t>(info), reinterpret_cast<std::uint64_t>(context), gettid()};
  std::snprintf(where, sizeof where, "--trace-parent-with-exception=%p", static_cast<void*>(&information));
  const pid_t child = fork();
  if (child == 0) {
    execl(handler, handler, database.c_str(), where, "--no-rate-limit", nullptr);
    _exit(127);
  }
  prctl(PR_SET_PTRACER, child, 0, 0, 0);
  waitpid(child, nullptr, 0);
  std::signal(signal, SIG_DFL);  // the instruction is tried again, and ends the process
}

struct Order {
  int number;
  double price;
  char customer[16];
};

class Book {
 public:
  [[gnu::noinline]] int react(const Order& order, int* total) {
    orders_[order.number] = order.customer;
    last_ = order.number;
    *total += last_;
    return last_;
  }

 private:
  std::map<int, std::string> orders_;
  int last_ = 0;
};

void wait_for_ever(bool& waiting, std::mutex& mutex, std::condition_variable& changed) {
  std::unique_lock lock(mutex);
  waiting = true;
  changed.notify_all();
  changed.wait(lock, [] { return false; });
}

}  // namespace

int main(int, char** argv) {
  handler = argv[1];
  database = std::string("--database=") + argv[2];
  struct sigaction action {};
  action.sa_sigaction = dump;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGSEGV, &action, nullptr);

  std::mutex mutex;
  std::condition_variable changed;
  bool waiting = false;
  std::thread other([&] { wait_for_ever(waiting, mutex, changed); });
  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return waiting; });
  }
  Book book;
  const Order order{4711, 12.5, "chiyo"};
  std::printf("%d\n", book.react(order, reinterpret_cast<int*>(0x20)));
}
