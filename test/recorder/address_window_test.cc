// The addresses of heaps are free in every process, wherever the kernel puts everything else. Where they cannot be had (a limit on
// addresses, valgrind, a sanitizer), the program says so in one sentence, and runs unrecorded.
#include <limits.h>
#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
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

struct Limits {
  rlim_t addresses = RLIM_INFINITY;
  rlim_t locked = RLIM_INFINITY;  // as it is
};

// A privileged program has no limit of locked memory. False when this process cannot set one.
bool set_limits(const Limits& limits) {
  const rlimit addresses{limits.addresses, limits.addresses}, locked{limits.locked, limits.locked};
  if (limits.locked != RLIM_INFINITY && (setrlimit(RLIMIT_MEMLOCK, &locked) != 0 || (geteuid() == 0 && prctl(PR_CAPBSET_DROP, CAP_IPC_LOCK) != 0)))
    return false;
  return setrlimit(RLIMIT_AS, &addresses) == 0;
}

// The program must end as it does without a recorder, whatever becomes of the recording.
Outcome run(const std::string& sanitizer, const std::vector<std::string>& before = {}, const Limits& limits = {}, const char* option = nullptr) {
  const TemporaryDirectory directory("address-window");
  std::vector<std::string> words = before;
  words.insert(words.end(), {folder_of_this_program() + "/recorded_program_" + sanitizer, directory.file("recordings")});
  if (option != nullptr) words.push_back(option);
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  int output[2];
  CHECK(pipe(output) == 0);
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    dup2(output[1], STDOUT_FILENO);
    close(output[0]);
    if (set_limits(limits)) execvp(arguments[0], arguments.data());
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
  const std::string status = run("none", {}, {.addresses = kGiB / 2}).status;
  CHECK(status.starts_with("reactor counter finds no addresses for a heap.") && status.ends_with("the limit of addresses is 524288 KiB (ulimit -v)."));
  const Outcome small = run("none", {}, {.addresses = 32 * kGiB});
  CHECK(small.status == "recorded" && small.reactor >= kSmallZone && small.reactor < kZonesEnd);
}

// Whether so much may be locked that a heap's addresses do not matter.
bool may_lock_heaps() {
  constexpr std::size_t kBytes = std::size_t{2} << kLargeSlotShift;
  void* const addresses = mmap(nullptr, kBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  CHECK(addresses != MAP_FAILED);
  const bool locked = mlock2(addresses, kBytes, MLOCK_ONFAULT) == 0;
  CHECK(munmap(addresses, kBytes) == 0);
  return locked;
}

// A container may have a lower limit, or a root that cannot give up its privilege.
bool can_limit_locked(rlim_t bytes) {
  rlimit limit{};
  return getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_max >= bytes && (geteuid() != 0 || prctl(PR_CAPBSET_READ, CAP_SETPCAP) == 1);
}

// The kernel would give a new mapping of 64 GiB all of its memory at once.
void locked_memory_is_locked_as_it_is_used() {
  if (may_lock_heaps()) CHECK(run("none", {}, {}, "lock").status == "recorded");
  constexpr rlim_t kLimit = rlim_t{8} << 20;
  if (!can_limit_locked(kLimit)) return;
  const std::string status = run("none", {}, {.locked = kLimit}, "lock").status;
  CHECK(status.find("after mlockall(MCL_FUTURE) they count as locked memory, and the limit of that is 8192 KiB (ulimit -l).") != std::string::npos);
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
  locked_memory_is_locked_as_it_is_used();
  another_malloc_is_told();
  valgrind_answers_malloc();
}
