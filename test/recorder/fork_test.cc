// The program forks: the child goes on without recording, whatever it does, and its parent's recording never notices.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "afterimage/recorder.h"
#include "check.h"
#include "kills.h"

namespace {

using namespace afterimage;

struct Counter {
  std::vector<int> seen;
  void react(const int& number) {
    if (number < 0) raise(SIGSEGV);
    if (number == 1007) note_failure("not one of the parent's");
    seen.push_back(number);
  }
};

std::string contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::string> files_below(const std::string& directory) {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) files.push_back(entry.path());
  std::ranges::sort(files);
  return files;
}

struct Program {
  std::string directory;
  Recorder recorder;
  Reactor<Counter> counter;
};

struct Behaviour {
  const char* name;
  void (*run)(Program& program);
  int signal;  // that ends the child; 0: none
};

constexpr Behaviour kBehaviours[] = {
    {"delivers events",
     [](Program& program) {
       for (int i = 1000; i < 2000; ++i) program.counter.deliver(i);
       CHECK(program.counter->seen.size() >= 1000);
     },
     0},
    {"asks for a snapshot", [](Program& program) { program.counter.snapshot(); program.counter.deliver(1); }, 0},
    {"makes another reactor",
     [](Program& program) {
       auto other = program.recorder.create<Counter>("other");
       other.deliver(1);
       CHECK_EQUAL(other->seen.size(), 1u);
     },
     0},
    {"destroys the reactor", [](Program& program) { const Reactor<Counter> last(std::move(program.counter)); }, 0},
    {"destroys everything",
     [](Program& program) {
       const Recorder last(std::move(program.recorder));
       const Reactor<Counter> first(std::move(program.counter));
     },
     0},
    {"records by itself",
     [](Program& program) {
       auto recorder = Recorder::open({.directory = program.directory + "/of-child"});
       auto counter = recorder.create<Counter>("counter");
       counter.deliver(1);
       CHECK(recorder.status().ok() && recorder.path() != program.recorder.path());
       CHECK(std::filesystem::exists(recorder.path() + "/r0/ev-00000001.mcap"));
     },
     0},
    {"crashes", [](Program& program) { program.counter.deliver(-1); }, SIGSEGV},
};

void run_in_child(const Behaviour& behaviour, Program& program) {
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    alarm(20);
    behaviour.run(program);
    _exit(0);
  }
  int status = 0;
  CHECK_EQUAL(waitpid(child, &status, 0), child);
  const bool as_expected = behaviour.signal == 0 ? WIFEXITED(status) && WEXITSTATUS(status) == 0
                                                 : WIFSIGNALED(status) && WTERMSIG(status) == behaviour.signal;
  if (!as_expected) std::fprintf(stderr, "the child that %s ended with status %#x\n", behaviour.name, static_cast<unsigned>(status));
  CHECK(as_expected);
}

void check_parent_is_undisturbed(const Behaviour& behaviour) {
  const TemporaryDirectory directory("fork");
  auto recorder = Recorder::open({.directory = directory.path() + "/of-parent"});
  auto counter = recorder.create<Counter>("counter");
  Program program{.directory = directory.path(), .recorder = std::move(recorder), .counter = std::move(counter)};
  for (int i = 0; i < 100; ++i) program.counter.deliver(i);
  const std::string path = program.recorder.path();
  while (!std::filesystem::exists(path + "/r0/ev-00000002.mcap")) sched_yield();  // the next one is prepared: all is quiet
  const std::string control = contents(path + "/control"), log = contents(path + "/r0/ev-00000001.mcap");
  const auto files = files_below(path);
  run_in_child(behaviour, program);
  if (contents(path + "/control") != control) std::fprintf(stderr, "the child that %s wrote into the control file\n", behaviour.name);
  CHECK(contents(path + "/control") == control);
  CHECK(contents(path + "/r0/ev-00000001.mcap") == log);
  CHECK(files_below(path) == files);
  for (int i = 0; i < 100; ++i) program.counter.deliver(i);
  CHECK_EQUAL(program.counter->seen.size(), 200u);
  CHECK(program.recorder.status().ok());
}

// Whatever the other threads are doing at that moment, in a recording or without one.
void other_threads_make_reactors(const char* directory_name) {
  const TemporaryDirectory directory("fork");
  auto recorder = Recorder::open({.directory = directory_name != nullptr ? directory.file(directory_name) : "", .keep_ended_reactors = 4});
  std::atomic<bool> over = false;
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i)
    threads.emplace_back([&] {
      while (!over) recorder.create<Counter>("other").deliver(1);
    });
  const std::uint64_t rounds = repetitions("AFTERIMAGE_FORKS", 200);
  bool all_end = true;
  for (std::uint64_t round = 0; round < rounds && all_end; ++round) {
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
      alarm(20);
      recorder.create<Counter>("counter").deliver(1);
      (void)recorder.status();
      _exit(0);
    }
    int status = 0;
    CHECK_EQUAL(waitpid(child, &status, 0), child);
    all_end = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }
  over = true;
  for (std::thread& thread : threads) thread.join();
  CHECK(all_end);
}

}  // namespace

int main() {
  for (const Behaviour& behaviour : kBehaviours) check_parent_is_undisturbed(behaviour);
  other_threads_make_reactors("of-parent");
  other_threads_make_reactors(nullptr);
}
