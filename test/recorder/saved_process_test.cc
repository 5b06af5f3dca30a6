// Rows that outlive their process: each event is run by another process of this executable, which restores the reactor from a file, and
// saves it there. With the modules at the same addresses (what `setarch -R` does) it goes on as in one process; without, it is refused.
#include <sys/personality.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>

#include "afterimage/recorder.h"
#include "check.h"
#include "ledger.h"
#include "temporary_directory.h"

namespace {

using namespace afterimage;

constexpr std::uint64_t kProcesses = 6;
constexpr int kDone = 0, kRefused = 3, kNotPermitted = 4;

Bytes read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

void write_file(const std::string& path, const Bytes& saved) {
  std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(saved.data()), static_cast<std::streamsize>(saved.size()));
}

std::uint64_t run_event(Reactor<Ledger>& ledger, std::uint64_t event, const std::string& file) {
  Bytes saved;
  ledger.deliver(booking(event));
  CHECK(ledger.save(saved).ok());
  write_file(file, saved);
  return ledger->checked();
}

// What the other processes do.
int react_in_this_process(std::uint64_t event, const std::string& file, std::uint64_t checked) {
  Recorder recorder = Recorder::open({.directory = ""});
  if (event == 0) {
    auto ledger = recorder.create<Ledger>("ledger");
    CHECK_EQUAL(run_event(ledger, event, file), checked);
    return kDone;
  }
  Status why_not;
  std::optional<Reactor<Ledger>> ledger = recorder.restore<Ledger>("ledger", read_file(file), why_not);
  if (!ledger) {
    CHECK(why_not.message().find("setarch -R") != std::string::npos);
    return kRefused;
  }
  CHECK_EQUAL(run_event(*ledger, event, file), checked);
  return kDone;
}

int run_process(bool at_same_addresses, std::uint64_t event, const std::string& file, std::uint64_t checked) {
  const std::string number = std::to_string(event), sum = std::to_string(checked);
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    const int now = personality(0xffffffff);
    if (personality(static_cast<unsigned long>(at_same_addresses ? now | ADDR_NO_RANDOMIZE : now & ~ADDR_NO_RANDOMIZE)) < 0) _exit(kNotPermitted);
    execl("/proc/self/exe", "saved_process_test", number.c_str(), file.c_str(), sum.c_str(), nullptr);
    _exit(127);
  }
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  return WEXITSTATUS(status);
}

bool is_randomized() {
  std::ifstream file("/proc/sys/kernel/randomize_va_space");
  int value = 0;
  return file >> value && value != 0;
}

}  // namespace

int main(int count, char** arguments) {
  if (count == 4) return react_in_this_process(std::strtoull(arguments[1], nullptr, 10), arguments[2], std::strtoull(arguments[3], nullptr, 10));
  const TemporaryDirectory directory("saved-process");
  const std::string file = directory.file("row");
  Recorder recorder = Recorder::open({.directory = ""});
  auto in_memory = recorder.create<Ledger>("in memory");
  for (std::uint64_t event = 0; event < kProcesses; ++event) {
    in_memory.deliver(booking(event));
    const int code = run_process(true, event, file, in_memory->checked());
    if (code == kNotPermitted) {
      std::puts("skipped: this process may not choose to have no address space randomisation");
      return kSkipped;
    }
    CHECK_EQUAL(code, kDone);
  }
  // This process has its modules elsewhere.
  if (is_randomized()) CHECK_EQUAL(run_process(false, kProcesses, file, 0), kRefused);
}
