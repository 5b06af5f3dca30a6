// ways_to_end DIRECTORY WAY [SALT]: a reactor that takes ten events and then ends in a way that debuggers find hard.
// Compiled by ways-to-end.test.ts without optimisation, as people do while they look for a bug.
#include <afterimage/recorder.h>

#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

struct Step {
  int number;
  char way[28];
};

// Changed between events, so that a replay sees the value that it had at the snapshot before.
std::size_t salt_in_a_global = 0;

struct Echo {
  int number;
  char way[28];
};

class Walker {
 public:
  void set_self(afterimage::ReactorRef<Walker> self) { self_ = self; }

  void react(const Step& step) {
    ++steps_;  // line: step
    const std::string way = step.way;
    if (way == "abort") std::abort();
    if (way == "throw") throw std::runtime_error("nobody catches this");
    if (way == "overflow") steps_ += sink(step.number);
    if (way.starts_with("nested")) self_.deliver(echo_of(step));  // line: deliver
    if (way == "nested-then-fault") *static_cast<volatile int*>(nullptr) = 0;
    if (way == "salt") notes_.push_back(std::string(salt(), 'x'));
    if (way == "exit") std::exit(3);
    if (way == "exec") execl("/bin/true", "true", nullptr);
    if (way == "kill") raise(SIGKILL);
    if (way == "sort") std::qsort(numbers_, 3, sizeof *numbers_, [](const void*, const void*) { return 0; });
    last_ = step.number;  // line: last
  }

  void react(const Echo& echo) {
    echoes_ += echo.number;  // line: echo
    end(echo.way);
  }

 private:
  static void end(std::string_view way) {
    if (way == "nested-fault") *static_cast<volatile int*>(nullptr) = 0;
    if (way == "nested-throw") throw std::runtime_error("nobody catches this");
  }

  static Echo echo_of(const Step& step) {
    Echo echo{step.number, ""};
    std::snprintf(echo.way, sizeof echo.way, "%s", step.way);
    return echo;
  }

  int sink(int depth) { return depth < 0 ? 0 : sink(depth + 1) + depth; }

  // What a reactor must not do: look at something that is not in its events, and that nobody can record.
  static std::size_t salt() {
    if (salt_in_a_global == 0) std::exit(9);
    return salt_in_a_global;
  }

  afterimage::ReactorRef<Walker> self_;
  std::vector<std::string> notes_;
  int steps_ = 0;
  int echoes_ = 0;
  int last_ = -1;
  int numbers_[3] = {};
};

int main(int argc, char** argv) {
  const std::string way = argv[2];
  if (argc > 3) salt_in_a_global = std::strtoul(argv[3], nullptr, 10);
  auto recorder = afterimage::Recorder::open({.directory = argv[1]});
  auto walker = recorder.create<Walker>("walker");
  walker.enter([&](Walker& object) { object.set_self(walker.ref()); });
  for (int number = 0; number < 10; ++number) {
    Step step{number, ""};
    if (number == 5 && (way == "nested" || way == "salt" || way == "sort")) std::snprintf(step.way, sizeof step.way, "%s", way.c_str());
    if (number == 9) std::snprintf(step.way, sizeof step.way, "%s", way.c_str());
    if (number == 5) salt_in_a_global += 2900;
    walker.deliver(step);
  }
}
