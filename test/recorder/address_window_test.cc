// The addresses of heaps are free in every process, wherever the kernel puts everything else. Where they cannot be had (a limit on
// addresses, valgrind, a sanitizer), the program says so in one sentence, and runs unrecorded.
#include <limits.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <set>
#include <string>
#include <vector>

#include "heap/slots.h"
#include "kills.h"

using namespace afterimage;

namespace {

std::string folder_of_this_program() {
  char path[PATH_MAX];
  const ssize_t length = readlink("/proc/self/exe", path, sizeof path);
  CHECK(length > 0);
  const std::string name(path, static_cast<std::size_t>(length));
  return name.substr(0, name.rfind('/'));
}

struct Outcome {
  std::uintptr_t reactor = 0;
  std::string status;
};

// The program must end as it does without a recorder, whatever becomes of the recording.
Outcome run(const std::string& sanitizer, const std::vector<std::string>& before = {}, rlim_t addresses = RLIM_INFINITY) {
  const TemporaryDirectory directory("address-window");
  std::vector<std::string> words = before;
  words.insert(words.end(), {folder_of_this_program() + "/recorded_program_" + sanitizer, directory.file("recordings")});
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  int output[2];
  CHECK(pipe(output) == 0);
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    const rlimit limit{addresses, addresses};
    dup2(output[1], STDOUT_FILENO);
    close(output[0]);
    if (setrlimit(RLIMIT_AS, &limit) == 0) execvp(arguments[0], arguments.data());
    _exit(127);
  }
  close(output[1]);
  std::string text;
  char piece[1024];
  for (ssize_t bytes; (bytes = read(output[0], piece, sizeof piece)) > 0;) text.append(piece, static_cast<std::size_t>(bytes));
  close(output[0]);
  int status = 0;
  CHECK_EQUAL(waitpid(child, &status, 0), child);
  CHECK_EQUAL(status, 0);
  unsigned long long reactor = 0;
  int sum = 0, said = 0;
  CHECK(std::sscanf(text.c_str(), "%llx %d %n", &reactor, &sum, &said) == 2);
  CHECK_EQUAL(sum, 45);
  return {reactor, text.substr(static_cast<std::size_t>(said), text.size() - static_cast<std::size_t>(said) - 1)};
}

void the_window_is_free_at_every_start() {
  const std::uint64_t starts = repetitions("AFTERIMAGE_STARTS", 20);
  std::uint64_t available = 0;
  for (std::uint64_t start = 0; start < starts; ++start) {
    const Outcome outcome = run("none");
    const bool first_slot = outcome.reactor - kLargeZone < std::uintptr_t{1} << kLargeSlotShift;
    if (first_slot && outcome.status == "recorded") ++available;
    else std::printf("%zx: %s\n", outcome.reactor, outcome.status.c_str());
  }
  std::printf("window available: %llu/%llu\n", static_cast<unsigned long long>(available), static_cast<unsigned long long>(starts));
  CHECK_EQUAL(available, starts);
}

void a_limit_on_addresses_is_told() {
  constexpr rlim_t kGiB = rlim_t{1} << 30;
  CHECK(run("none", {}, kGiB / 2).status.starts_with("reactor counter finds no addresses for a heap"));
  const Outcome small = run("none", {}, 32 * kGiB);
  CHECK(small.status == "recorded" && small.reactor >= kSmallZone && small.reactor < kZonesEnd);
}

void another_malloc_is_told() {
  for (const char* const sanitizer : {"address", "thread"}) {
    const std::string status = run(sanitizer).status;
    CHECK(status.starts_with("malloc() is that of ") && status.ends_with(", so reactors would not be in heaps of their own."));
  }
  CHECK(run("undefined").status == "recorded");
}

void valgrind_answers_malloc() {
  if (std::system("valgrind --version >/dev/null 2>&1") != 0) return;
  const std::string status = run("none", {"valgrind", "--quiet", "--log-file=/dev/null"}).status;
  CHECK(status == "reactor counter is not in its heap: something else has answered operator new, like valgrind.");
}

}  // namespace

int main() {
  the_window_is_free_at_every_start();
  a_limit_on_addresses_is_told();
  another_malloc_is_told();
  valgrind_answers_malloc();
}
