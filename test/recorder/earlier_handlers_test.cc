// A program's own signal handlers notice nothing of ours: with each of them the process says and ends as it does without a recorder.
#include <setjmp.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "afterimage/recorder.h"
#include "check.h"
#include "child.h"
#include "temporary_directory.h"

using namespace afterimage;

namespace {

// What the child says, letter by letter; and a handler that is called for ever ends it.
int g_pipe[2];
int g_calls = 0;
sigjmp_buf g_back;

void say(char letter) { CHECK_EQUAL(write(g_pipe[1], &letter, 1), 1); }

void called() {
  say('h');
  if (++g_calls == 5) _exit(5);
}

// ---- what handlers do ----

void returns(int) { called(); }
void raises_again(int signal) {
  called();
  raise(signal);
  say('r');
}
void sets_default_and_raises(int number) {
  called();
  signal(number, SIG_DFL);
  raise(number);
}
void exits(int) {
  called();
  _exit(3);
}
void jumps(int) {
  called();
  siglongjmp(g_back, 1);
}
// Not while sa_mask has it.
void raises_another(int) {
  called();
  raise(SIGUSR1);
  say('r');
  _exit(4);
}
void on_other(int) { say('o'); }

struct Handler {
  const char* name;
  void (*function)(int);
};
constexpr Handler kHandlers[] = {{"returns", returns}, {"raises again", raises_again}, {"sets the default and raises", sets_default_and_raises},
                                 {"exits", exits},     {"jumps", jumps},               {"raises another", raises_another}};

// ---- what happens ----

volatile int* g_nowhere = nullptr;

void write_nowhere() { *g_nowhere = 1; }
void send_segv() { kill(getpid(), SIGSEGV); }
void abort_all() { std::abort(); }

struct Trouble {
  const char* name;
  void (*cause)();
  int signal;
};
constexpr Trouble kTroubles[] = {{"a fault", write_nowhere, SIGSEGV}, {"a signal that is sent", send_segv, SIGSEGV}, {"abort()", abort_all, SIGABRT}};

// Three times, for those handlers that jump back.
void get_into(const Trouble& trouble, bool with_mask) {
  for (volatile int times = 0; times < 3;) {
    times = times + 1;
    if (sigsetjmp(g_back, with_mask) == 0) trouble.cause();
    say('b');
  }
  _exit(0);
}

// ---- who is there ----

struct Behaviour {
  Handler handler;
  Trouble trouble;
  unsigned flags;
  bool with_mask;
};

void install(const Behaviour& behaviour) {
  struct sigaction action {};
  action.sa_handler = behaviour.handler.function;
  action.sa_flags = static_cast<int>(behaviour.flags);
  sigaddset(&action.sa_mask, SIGUSR1);
  CHECK(sigaction(behaviour.trouble.signal, &action, nullptr) == 0);
  signal(SIGUSR1, on_other);
}

struct Large {
  std::vector<char> memory = std::vector<char>(4 << 20);
  void react(const int& index) { memory[static_cast<std::size_t>(index)] = 1; }
};

// Its handler is in front from then on.
void take_snapshot(Reactor<Large>& large) {
  large.snapshot();
  large.deliver(1);
}

void without_recorder(const Behaviour& behaviour, const std::string&) {
  install(behaviour);
  get_into(behaviour.trouble, behaviour.with_mask);
}

void with_crash_handler(const Behaviour& behaviour, const std::string& directory) {
  install(behaviour);
  auto recorder = Recorder::open({.directory = directory});
  CHECK(recorder.status().ok());
  get_into(behaviour.trouble, behaviour.with_mask);
}

Options with_write_faults(const std::string& directory) {
  return {.directory = directory, .snapshot_engine = "cow-mprotect", .reactors_do_io = false, .crash_handler = false};
}

void behind_write_faults(const Behaviour& behaviour, const std::string& directory) {
  install(behaviour);
  auto recorder = Recorder::open(with_write_faults(directory));
  auto large = recorder.create<Large>("large");
  take_snapshot(large);
  get_into(behaviour.trouble, behaviour.with_mask);
}

void behind_write_faults_later(const Behaviour& behaviour, const std::string& directory) {
  auto recorder = Recorder::open(with_write_faults(directory));
  auto large = recorder.create<Large>("large");
  take_snapshot(large);
  install(behaviour);
  auto other = recorder.create<Large>("other");
  struct sigaction now {};
  do take_snapshot(other);  // when the one before is over
  while (sigaction(SIGSEGV, nullptr, &now) == 0 && now.sa_handler == behaviour.handler.function);
  get_into(behaviour.trouble, behaviour.with_mask);
}

using Setting = void (*)(const Behaviour&, const std::string& directory);

struct End {
  int status;
  std::string said;
  bool operator==(const End&) const = default;
};

End end_of(Setting setting, const Behaviour& behaviour) {
  const TemporaryDirectory directory("earlier-handlers");
  CHECK(pipe(g_pipe) == 0);
  const pid_t child = start_child([&] { setting(behaviour, directory.path()); });
  close(g_pipe[1]);
  End end{};
  for (char letter; read(g_pipe[0], &letter, 1) == 1;) end.said += letter;
  close(g_pipe[0]);
  end.status = status_of(child);
  return end;
}

void check(const char* what, Setting setting, const Behaviour& behaviour, const End& expected) {
  const End end = end_of(setting, behaviour);
  if (end == expected) return;
  std::fprintf(stderr, "%s, a handler that %s (SA_RESETHAND %d, SA_NODEFER %d, mask restored %d), %s: status %#x, said %s; alone: status %#x, said %s\n",
               behaviour.trouble.name, behaviour.handler.name, (behaviour.flags & SA_RESETHAND) != 0, (behaviour.flags & SA_NODEFER) != 0,
               behaviour.with_mask, what, static_cast<unsigned>(end.status), end.said.c_str(), static_cast<unsigned>(expected.status), expected.said.c_str());
  CHECK(end == expected);
}

void check_as_alone(const Behaviour& behaviour) {
  const End alone = end_of(without_recorder, behaviour);
  check("with the crash handler", with_crash_handler, behaviour, alone);
  if (behaviour.trouble.signal != SIGSEGV) return;
  check("with protected pages", behind_write_faults, behaviour, alone);
  check("installed behind that for protected pages", behind_write_faults_later, behaviour, alone);
}

}  // namespace

int main() {
  for (const Trouble& trouble : kTroubles)
    for (const Handler& handler : kHandlers)
      for (const unsigned flags : {0u, SA_RESETHAND + 0u, SA_NODEFER + 0u, SA_RESETHAND | SA_NODEFER})
        for (const bool with_mask : {true, false}) {
          if (!with_mask && handler.function != jumps) continue;
          check_as_alone({handler, trouble, flags, with_mask});
        }
}
