// How the process died is noted in every open recording, and the reactor it happened in only in that one's.
#include <signal.h>

#include <fstream>
#include <string>
#include <utility>

#include "afterimage/recorder.h"
#include "check.h"
#include "child.h"
#include "format/control.h"
#include "temporary_directory.h"

using namespace afterimage;

namespace {

struct Crasher {
  std::uint64_t events = 0;
  void react(const bool& crash) {
    ++events;
    if (crash) raise(SIGSEGV);
  }
};

// Of the first recording two, of the second one.
struct Program {
  Recorder first, second;
  Reactor<Crasher> first_0, first_1, second_0;
};

Options in(const std::string& directory, bool crash_handler) { return {.directory = directory, .crash_handler = crash_handler}; }

Program open_program(const std::string& directory, bool second_notes) {
  Recorder first = Recorder::open(in(directory + "/first", true)), second = Recorder::open(in(directory + "/second", second_notes));
  auto first_0 = first.create<Crasher>("0"), first_1 = first.create<Crasher>("1"), second_0 = second.create<Crasher>("0");
  for (int i = 0; i < 7; ++i) first_1.deliver(false);
  return {std::move(first), std::move(second), std::move(first_0), std::move(first_1), std::move(second_0)};
}

format::CrashBlock note_in(const std::string& recordings) {
  std::string path;
  for (const auto& entry : std::filesystem::directory_iterator(recordings)) path = entry.path();
  std::ifstream file(path + "/control", std::ios::binary);
  format::Control control{};
  CHECK(file.read(reinterpret_cast<char*>(&control), sizeof control).good());
  return control.crash;
}

struct Notes {
  format::CrashBlock first, second;
};

// What a process leaves that crashes in `run`.
Notes notes_of(void (*run)(Program&), bool second_notes = true) {
  const TemporaryDirectory directory("crash-note");
  const int status = status_of(start_child([&] {
    Program program = open_program(directory.path(), second_notes);
    run(program);
  }));
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
  return {note_in(directory.path() + "/first"), note_in(directory.path() + "/second")};
}

void check_note(const format::CrashBlock& note, std::uint64_t reactor_plus_1, std::uint64_t event) {
  CHECK_EQUAL(note.state, std::uint64_t{format::kCrashComplete});
  CHECK_EQUAL(note.signal, static_cast<std::uint32_t>(SIGSEGV));
  CHECK_EQUAL(note.reactor_plus_1, reactor_plus_1);
  CHECK_EQUAL(note.event, event);
}

void check_none(const format::CrashBlock& note) { CHECK_EQUAL(note.state, std::uint64_t{format::kNoCrash}); }

void in_a_reactor_of_either() {
  Notes notes = notes_of([](Program& program) { program.first_1.deliver(true); });
  check_note(notes.first, 2, 7);
  check_note(notes.second, 0, 0);
  notes = notes_of([](Program& program) { program.second_0.deliver(true); });
  check_note(notes.first, 0, 0);
  check_note(notes.second, 1, 0);
}

void outside_of_reactors() {
  const Notes notes = notes_of([](Program&) { raise(SIGSEGV); });
  check_note(notes.first, 0, 0);
  check_note(notes.second, 0, 0);
}

void when_one_is_closed() {
  Notes notes = notes_of([](Program& program) {
    {
      const Reactor<Crasher> last(std::move(program.second_0));
      const Recorder closed(std::move(program.second));
    }
    program.first_1.deliver(true);
  });
  check_note(notes.first, 2, 7);
  check_none(notes.second);
  notes = notes_of([](Program& program) {
    {
      const Reactor<Crasher> last_1(std::move(program.first_1)), last_0(std::move(program.first_0));
      const Recorder closed(std::move(program.first));
    }
    program.second_0.deliver(true);
  });
  check_none(notes.first);
  check_note(notes.second, 1, 0);
}

void in_the_child_of_a_fork() {
  const Notes notes = notes_of([](Program& program) {
    if (const pid_t child = fork(); child == 0) {
      program.first_0.deliver(true);
    } else {
      CHECK_EQUAL(waitpid(child, nullptr, 0), child);
      program.second_0.deliver(true);
    }
  });
  check_note(notes.first, 0, 0);
  check_note(notes.second, 1, 0);
}

void when_one_notes_no_crashes() {
  Notes notes = notes_of([](Program& program) { program.first_1.deliver(true); }, /*second_notes=*/false);
  check_note(notes.first, 2, 7);
  check_none(notes.second);
  notes = notes_of([](Program& program) { program.second_0.deliver(true); }, /*second_notes=*/false);
  check_note(notes.first, 0, 0);
  check_none(notes.second);
}

}  // namespace

int main() {
  in_a_reactor_of_either();
  outside_of_reactors();
  when_one_is_closed();
  in_the_child_of_a_fork();
  when_one_notes_no_crashes();
}
