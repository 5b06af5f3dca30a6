// Options::crash_handler: the crash is noted; or nothing is installed and nothing noted. The recording has the event in any case.
#include <signal.h>
#include <sys/mman.h>

#include <fstream>
#include <string>

#include "afterimage/recorder.h"
#include "check.h"
#include "child.h"
#include "format/control.h"
#include "temporary_directory.h"

using namespace afterimage;

namespace {

constexpr std::uint64_t kCrashing = 3;

struct Number {
  std::uint64_t value;
};

volatile char* g_forbidden = nullptr;  // a page that nobody may write to

struct Crasher {
  void react(const Number& number) {
    if (number.value == kCrashing) *g_forbidden = 1;
  }
};

bool is_handled() {
  struct sigaction action {};
  CHECK(sigaction(SIGSEGV, nullptr, &action) == 0);
  return action.sa_handler != SIG_DFL;
}

// Crashes in a child. Returns its status.
int crash(const Options& options) {
  return status_of(start_child([&] {
    signal(SIGSEGV, SIG_DFL);
    auto recorder = Recorder::open(options);
    CHECK(is_handled() == options.crash_handler);
    auto crasher = recorder.create<Crasher>("crasher");
    for (std::uint64_t value = 0; value <= kCrashing; ++value) crasher.deliver(Number{value});
  }));
}

format::Control control_of(const std::string& recording) {
  format::Control control{};
  std::ifstream file(recording + "/control", std::ios::binary);
  CHECK(file.read(reinterpret_cast<char*>(&control), sizeof control).good());
  CHECK(control.slots[0].started == kCrashing + 1 && control.slots[0].finished == kCrashing);
  return control;
}

void the_crash_is_noted() {
  const TemporaryDirectory directory("crash-handler");
  const int status = crash({.directory = directory.path()});
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
  const format::CrashBlock crash = control_of(directory.only_entry()).crash;
  CHECK_EQUAL(crash.state, format::kCrashComplete);
  CHECK_EQUAL(crash.signal, static_cast<std::uint32_t>(SIGSEGV));
  CHECK_EQUAL(crash.address, reinterpret_cast<std::uintptr_t>(g_forbidden));
  CHECK(crash.reactor_plus_1 == 1 && crash.event == kCrashing);
}

void nothing_is_installed() {
  const TemporaryDirectory directory("crash-handler");
  const int status = crash({.directory = directory.path(), .crash_handler = false});
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
  CHECK_EQUAL(control_of(directory.only_entry()).crash.state, format::kNoCrash);
}

}  // namespace

int main() {
  void* const page = mmap(nullptr, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(page != MAP_FAILED);
  g_forbidden = static_cast<char*>(page);
  the_crash_is_noted();
  nothing_is_installed();
}
