// A recorded program in a memory cgroup, whose limit the recorder must not be the one to reach: the kernel would end the program.
//
// Each case runs in a process in a cgroup of its own. Making one needs root, or a delegated cgroup with the memory controller: where that
// cannot be had there is no limit to come near to, and the test says so.
#include "os/memory_limit.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "afterimage/recorder.h"
#include "check.h"
#include "heap_testing.h"

namespace {

using namespace afterimage;

constexpr std::size_t kMiB = std::size_t{1} << 20;

bool write_to(const std::string& path, const std::string& text) {
  std::FILE* const file = std::fopen(path.c_str(), "w");
  if (file == nullptr) return false;
  const bool written = std::fputs(text.c_str(), file) >= 0;
  return (std::fclose(file) == 0) && written;
}

// A cgroup for one process, gone with this object.
class Group {
 public:
  explicit Group(std::size_t limit) {
    for (const auto& [parent, file] : {std::pair{"/sys/fs/cgroup/memory", "memory.limit_in_bytes"}, std::pair{"/sys/fs/cgroup", "memory.max"}}) {
      const std::string directory = std::string(parent) + "/afterimage-test-" + std::to_string(getpid());
      if (mkdir(directory.c_str(), 0755) != 0) continue;
      if (access((directory + "/" + file).c_str(), F_OK) == 0 && write_to(directory + "/" + file, std::to_string(limit))) {
        directory_ = directory;
        return;
      }
      rmdir(directory.c_str());
    }
  }
  ~Group() {
    if (exists()) CHECK(rmdir(directory_.c_str()) == 0);
  }
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;

  bool exists() const { return !directory_.empty(); }
  void enter() const { CHECK(write_to(directory_ + "/cgroup.procs", std::to_string(getpid()))); }

 private:
  std::string directory_;
};

// A directory on a disk or in memory, gone with this object.
class Directory {
 public:
  explicit Directory(const char* parent) : path_(std::string(parent) + "/afterimage-memory-limit-XXXXXX") { CHECK(mkdtemp(path_.data()) != nullptr); }
  ~Directory() { std::filesystem::remove_all(path_); }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

template <typename Case>
bool succeeds_in_group(std::size_t limit, const char* parent, Case run) {
  const Directory directory(parent);
  const Group group(limit);
  CHECK(group.exists());
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    group.enter();
    run(directory.path());
    _exit(0);
  }
  int status = -1;
  CHECK(waitpid(child, &status, 0) == child);
  if (WIFSIGNALED(status)) std::fprintf(stderr, "the program was ended by signal %d\n", WTERMSIG(status));
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

std::size_t count_files(const std::string& directory, const std::string& prefix) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    const std::string name = entry.path().filename().string();
    count += name.starts_with(prefix) && !name.ends_with(".tmp");
  }
  return count;
}

void the_limit_is_known() {
  CHECK(succeeds_in_group(64 * kMiB, "/tmp", [](const std::string&) {
    const os::MemoryLimit limit;
    const std::uint64_t room = limit.room();
    CHECK(room > 32 * kMiB && room <= 64 * kMiB);
    CHECK(limit.has_room_for(16 * kMiB) && !limit.has_room_for(64 * kMiB));
    std::vector<char> memory(24 * kMiB, 'x');
    CHECK(limit.room() + 20 * kMiB < room);
    CHECK(memory[kMiB] == 'x');
  }));
}

// The copy would be as large as the heap, and both do not fit. The snapshot is made all the same.
void a_heap_of_more_than_half_the_limit_is_saved_without_a_copy() {
  CHECK(succeeds_in_group(128 * kMiB, "/tmp", [](const std::string& directory) {
    std::string recording;
    {
      auto recorder = Recorder::open({.directory = directory, .snapshot_engine = "stop"});
      recording = recorder.path();
      auto hoarder = recorder.create<Hoarder>("hoarder");
      for (int i = 0; i < 80; ++i) hoarder.deliver(static_cast<int>(kMiB));
      hoarder.snapshot();
      hoarder.deliver(1);
      hoarder.deliver(1);
      CHECK(recorder.status().ok());
      CHECK_EQUAL(hoarder->hoard.size(), 82u);
    }
    CHECK_EQUAL(count_files(recording + "/r0", "snap-"), 2u);
  }));
}

struct Letter {
  char text[4000];
};
struct Reader {
  std::uint64_t read = 0;
  void react(const Letter&) { ++read; }
};

// Pages of a disk's file count, but can go.
void a_log_on_a_disk_may_be_larger_than_the_limit() {
  CHECK(succeeds_in_group(48 * kMiB, "/tmp", [](const std::string& directory) {
    auto recorder = Recorder::open({.directory = directory, .snapshot_log_bytes = 0});
    auto reader = recorder.create<Reader>("reader");
    for (int i = 0; i < 40'000; ++i) reader.deliver(Letter{});
    CHECK_EQUAL(reader->read, 40'000u);
    CHECK(recorder.status().ok());
  }));
}

// Those of a file in memory cannot.
void a_log_in_memory_ends_before_the_limit_and_the_program_goes_on() {
  if (access("/dev/shm", W_OK) != 0) return;
  CHECK(succeeds_in_group(48 * kMiB, "/dev/shm", [](const std::string& directory) {
    auto recorder = Recorder::open({.directory = directory, .snapshot_log_bytes = 0});
    auto reader = recorder.create<Reader>("reader");
    for (int i = 0; i < 40'000; ++i) reader.deliver(Letter{});
    CHECK_EQUAL(reader->read, 40'000u);
    CHECK(recorder.status().message().find("kept in memory, whose limit is near") != std::string::npos);
  }));
}

// Without any limit the machine's memory is one.
void the_machine_has_no_more_than_it_has() {
  const os::MemoryLimit limit;
  CHECK(limit.has_room_for(kMiB));
  CHECK(!limit.has_room_for(std::uint64_t{1} << 50));
  CHECK(os::resident_bytes() > kMiB / 4 && os::resident_bytes() < std::uint64_t{1} << 50);
}

}  // namespace

int main() {
  the_machine_has_no_more_than_it_has();
  if (!Group(64 * kMiB).exists()) {
    std::puts("not tested: no memory cgroup can be made here (root could, or who has been delegated one)");
    return 0;
  }
  the_limit_is_known();
  a_heap_of_more_than_half_the_limit_is_saved_without_a_copy();
  a_log_on_a_disk_may_be_larger_than_the_limit();
  a_log_in_memory_ends_before_the_limit_and_the_program_goes_on();
}
