// What happens around react(), and at the beginning and end of the program.
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <string>

#include "base/check_hooks.h"
#include "base/hash.h"
#include "base/raw_log.h"
#include "code.h"
#include "event.h"
#include "findings.h"
#include "format/calls.h"
#include "globals.h"
#include "files.h"
#include "os/time_stamps.h"
#include "pointers.h"
#include "reactors.h"
#include "shared_words.h"
#include "signals.h"
#include "spin_lock.h"
#include "system_calls.h"
#include "thread_locals.h"

namespace afterimage::check {
namespace {

constexpr int kDepth = 64;

// Events of this thread that are in progress, the innermost last; deeper ones are counted but not looked at.
struct ThreadEvents {
  Event events[kDepth];
  int depth;
  int in_value;  // functions given to afterimage::input()
};
__attribute__((tls_model("initial-exec"))) thread_local ThreadEvents t_events = {};

constinit SpinLock g_lock;  // of the reactors' table
char g_directory[4096] = "";

void note_time_stamp_read(std::uintptr_t site) noexcept {
  const Event* const event = current_event();
  if (event == nullptr || code_at(site) != Code::program) return;
  const CallStack stack = stack_from(site);
  note(stack.hash(event->reactor), new_finding(Kind::time_stamp, event->reactor, event->number), stack);
}

bool on_segv(const siginfo_t& info, ucontext_t& context) noexcept {
  if (info.si_code != SI_KERNEL || !os::is_time_stamp_read(context)) return on_write_fault(info, context);
  note_time_stamp_read(static_cast<std::uintptr_t>(context.uc_mcontext.gregs[REG_RIP]));
  os::answer_time_stamp_read(context, os::true_time_stamp());
  return true;
}

bool on_trap(const siginfo_t&, ucontext_t& context) noexcept { return on_step_done(context); }

void watch_this_thread(bool on) noexcept {
  if (on) {
    header().no_system_calls = static_cast<std::uint64_t>(watch_system_calls_of_this_thread());
    header().no_time_stamps = static_cast<std::uint64_t>(os::trap_time_stamps(true));
  } else {
    os::trap_time_stamps(false);
  }
  watch_system_calls(on);
}

void recorder_opens(const char* variables_of) noexcept {
  const Pause pause;
  set_variable_rules(variables_of);
}

void reactor_constructed(const CheckedReactor& reactor) noexcept {
  if (reactor.heap == nullptr) return;
  const Pause pause;
  {
    const SpinLock::Guard guard(g_lock);
    add_reactor(reactor.id, reactor.heap, reactor.core);
  }
  __atomic_fetch_add(&header().reactors, 1, __ATOMIC_RELAXED);
  if (refresh_code()) write_modules();
  write_reactor(reactor);
  scan_for_pointers({reactor.id, 0, reactor.heap}, Scan::now);
}

void reactor_ends(Heap* heap) noexcept {
  const Pause pause;
  const SpinLock::Guard guard(g_lock);
  remove_reactor(heap);
}

void event_begins(std::uint32_t reactor, std::uint64_t number, Heap* heap) noexcept {
  watch_system_calls(false);
  if (t_events.depth++ >= kDepth || heap == nullptr) return;
  const Event& event = t_events.events[t_events.depth - 1] = {reactor, number, heap};
  __atomic_fetch_add(&header().events, 1, __ATOMIC_RELAXED);
  if (refresh_code()) write_modules();
  compare_words(reactor, number);
  if (t_events.depth == 1) remember_thread_locals();
  protect_for(event);
  watch_this_thread(true);
}

void event_ends() noexcept {
  watch_this_thread(false);
  if (t_events.depth <= kDepth) {
    const Event event = t_events.events[t_events.depth - 1];
    if (event.heap != nullptr) {
      unprotect_after(event);
      if (t_events.depth == 1) compare_thread_locals(event);
      remember_words(event.reactor, event.number);
      scan_for_pointers(event, Scan::when_affordable);
    }
  }
  if (--t_events.depth > 0) watch_this_thread(true);
}

void call_recorded(std::span<const std::byte> record) noexcept {
  const format::CallRecord call(record);
  count_call(call.header.call);
  note_own_result(call.header.result);
}

void value_begins() noexcept { ++t_events.in_value; }
void value_ends() noexcept { --t_events.in_value; }

constexpr CheckHooks kHooks{.directory = g_directory,
                            .recorder_opens = recorder_opens,
                            .reactor_constructed = reactor_constructed,
                            .reactor_ends = reactor_ends,
                            .event_begins = event_begins,
                            .event_ends = event_ends,
                            .call_recorded = call_recorded,
                            .value_begins = value_begins,
                            .value_ends = value_ends};

// Programs which this one starts are not checked.
[[gnu::constructor(102)]] void begin() noexcept {
  const char* const directory = getenv("AFTERIMAGE_CHECK");
  unsetenv("LD_PRELOAD");
  if (directory == nullptr) return;
  strncpy(g_directory, directory, sizeof g_directory - 1);
  unsetenv("AFTERIMAGE_CHECK");
  if (!open_findings((std::string(g_directory) + "/findings").c_str())) {
    RawLine().text("check: no findings file can be made in ").text(g_directory).print();
    return;
  }
  set_directory(g_directory);
  if (refresh_code()) write_modules();
  take_signals(on_segv, on_trap, on_system_call);
  check_hooks = &kHooks;
}

}  // namespace

const Event* current_event() noexcept {
  if (t_events.depth == 0 || t_events.depth > kDepth || t_events.in_value > 0) return nullptr;
  return &t_events.events[t_events.depth - 1];
}

}  // namespace afterimage::check
