#include "replay/replay_main.h"

#include <cxxabi.h>
#include <dlfcn.h>
#include <link.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <initializer_list>

#include "base/hex.h"
#include "base/raw_log.h"
#include "base/replay_mode.h"
#include "inputs/hooks.h"
#include "os/modules.h"
#include "os/pages.h"
#include "os/symbols.h"
#include "replay/command_loop.h"
#include "replay/debugger.h"
#include "replay/replayer.h"
#include "replay/reports.h"
#include "replay/sandbox.h"
#include "replay/time_stamps.h"

namespace afterimage::replay {
namespace {

constexpr int kExitCrashed = 3, kExitFailed = 4;
constexpr int kLauncherMagic = 0x41494D47, kReady = 1, kSlotTaken = 2;

Replayer* g_replayer = nullptr;

[[noreturn]] void fail(const std::string& message) {
  report_error(message);
  _exit(kExitFailed);
}

// The linker knows a library by the path that it was opened by. The program, when it opens it again in react(), names the one that it had.
void name_as_recorded(void* library, const std::string& path) {
  if (!path.empty()) static_cast<link_map*>(library)->l_name = strdup(path.c_str());
}

// What the program had loaded later on is loaded while the launcher still decides where. Told apart by build, not by path:
// a bundle's copy of a library must not be joined by the host's.
void load_missing_modules(const Plan& plan) {
  for (const PlannedModule& planned : plan.modules) {
    if (planned.kind != "lib" || planned.build_id == "-") continue;
    const auto loaded = os::loaded_modules();
    const auto same = [&](const os::Module& module) { return module.build_id == planned.build_id; };
    if (std::ranges::any_of(loaded, same)) continue;
    void* const library = dlopen(planned.path.c_str(), RTLD_NOW);
    if (library == nullptr) fail("library " + planned.path + ", which the recorded program had loaded, cannot be loaded: " + dlerror() + ".");
    name_as_recorded(library, planned.known_as);
  }
}

void tell_launcher_ready() {
  prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);  // a debugger that is not our parent may attach
  syscall(SYS_prctl, kLauncherMagic, kReady, 0, 0, 0);
}

// Where something is in the reactor's place, the launcher can try again: next time it may be elsewhere. If it does not, the reactor
// will be moved.
void ask_for_another_layout(const Plan& plan) {
  const os::AddressRange slot = recorded_slot(plan.reactor_directory());
  if (slot.bytes == 0) return;
  const int problem = os::reserve_at(slot.address, slot.bytes);
  if (problem == 0) os::release(slot.address, slot.bytes);
  if (problem == EEXIST) syscall(SYS_prctl, kLauncherMagic, kSlotTaken, 0, 0, 0);
}

bool was_time_stamp(const siginfo_t& info, void* context) {
  if (info.si_signo != SIGSEGV || info.si_code != SI_KERNEL) return false;
  const bool in_react = g_replayer->in_event();
  const TimeStampRead read = emulate_time_stamp(*static_cast<ucontext_t*>(context), in_react, g_replayer->position());
  if (read.emulated && in_react) g_replayer->warn("tsc", read.site, "the time-stamp counter, read by rdtsc");
  return read.emulated;
}

void on_crash(int signal, siginfo_t* info, void* context) {
  if (was_time_stamp(*info, context)) return;
  exchange_current_heap(nullptr);
  const auto& registers = static_cast<const ucontext_t*>(context)->uc_mcontext.gregs;
  const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
  if (g_replayer->core().is_open()) g_replayer->core().report();
  const bool diverged_before = afterimage_replay.divergence_event != ~std::uint64_t{0};
  if (!diverged_before && !g_replayer->supposing() && !g_replayer->ends_inside_event())
    report_unrecorded_crash(afterimage_replay.position, info->si_code, address, g_replayer->memory().relocation().was_in(address));
  report_crash(afterimage_replay.position, signal, info->si_code, address,
               static_cast<std::uint64_t>(registers[REG_RIP]), static_cast<std::uint64_t>(registers[REG_RSP]));
  _exit(kExitCrashed);
}

// Under a debugger, which stops when the instruction faults again. A signal that was sent must be sent again for that.
void on_debugged_fault(int signal, siginfo_t* info, void* context) {
  if (was_time_stamp(*info, context)) return;
  afterimage_crash_ahead();
  if (info->si_code <= 0) raise(signal);
}

// On a stack of its own: a crash may be an overflow.
void handle(std::initializer_list<int> signals, void (*handler)(int, siginfo_t*, void*)) {
  constexpr std::size_t kStackBytes = 256 * 1024;  // reports are written there, too
  void* const memory = mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  const stack_t stack{.ss_sp = memory, .ss_flags = 0, .ss_size = kStackBytes};
  sigaltstack(&stack, nullptr);
  struct sigaction action {};
  action.sa_sigaction = handler;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  for (const int signal : signals) sigaction(signal, &action, nullptr);
}

void report_crashes() { handle({SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT}, on_crash); }

// A system call that the sandbox has caught.
void on_trap(const TrappedCall& trapped) {
  if (!trapped.refused) {
    if (afterimage_replay.in_react != 0)
      g_replayer->warn("syscall", trapped.site, std::string("system call ") + system_call_name(trapped.number) + ", made past libc,");
    return;
  }
  const std::uintptr_t site = os::calling_program_code();
  g_replayer->diverged({.event = g_replayer->position(), .kind = "denied", .call = system_call_name(trapped.number),
                        .site = os::code_name(site != 0 ? site : trapped.site), .recorded = "nothing about this call",
                        .replayed = "refused",
                        .cause = "A replay changes no files, reaches no network and starts no processes."});
}

void report_ready(const Plan& plan) {
  JsonWriter json;
  json.begin_object().field("event", "ready").field("pid", static_cast<std::uint64_t>(getpid()));
  json.field("reactor", std::uint64_t{plan.reactor}).field("position", g_replayer->position());
  report(json.field("first", g_replayer->first()).field("end", g_replayer->end()).end_object());
}

// The exceptions of an abandoned react() are abandoned with it.
void forget_exceptions() {
  struct Globals {
    void* caught;
    unsigned uncaught;
  };
  auto* const globals = reinterpret_cast<Globals*>(abi::__cxa_get_globals());
  globals->caught = nullptr;
  globals->uncaught = 0;
}

// The debugger mostly stands inside react() when it writes a target, nearer or farther than the one on the way. Then the event
// is finished first.
void run_to_debuggers_target(bool from_snapshot) {
  const auto goes_on = [](void*, std::uint64_t event) {
    constexpr std::uint64_t kEventsPerLook = 16384;
    if (event % kEventsPerLook == 0) end_without_debugger();
    return g_replayer->position() < afterimage_replay.target && afterimage_replay.shortest_way == 0;
  };
  std::uint64_t target;
  do {
    target = afterimage_replay.target;
    const bool jumps = std::exchange(afterimage_replay.shortest_way, 0) != 0 && g_replayer->memory().nearest(target) > g_replayer->position();
    if (Status status = g_replayer->run_to(target, from_snapshot || jumps, goes_on, nullptr); !status) fail(status.message());
    from_snapshot = false;
  } while (afterimage_replay.shortest_way != 0 || (g_replayer->position() >= target && target < afterimage_replay.target));
}

// Between events, driven by a debugger through afterimage_replay. Entered anew after each rewind.
[[noreturn]] void debugged_loop() {
  static bool started = false;
  bool rewound = std::exchange(started, true);
  if (rewound) {
    exchange_current_heap(nullptr);
    forget_exceptions();
  }
  for (;;) {
    if (rewound || afterimage_replay.stop_reason != kStopNone) {
      afterimage_replay.stop_reason = kStopNone;
      run_to_debuggers_target(rewound);
      afterimage_replay.stop_reason = g_replayer->position() >= afterimage_replay.target ? kStopTarget : kStopEnd;
      rewound = false;
    } else {
      afterimage_replay.stop_reason = kStopReady;
      afterimage_replay.target = g_replayer->position();
    }
    afterimage_stop_here();
    end_without_debugger();
  }
}

void on_divergence(const Divergence& divergence) {
  JsonWriter json;
  json.begin_object().field("event", "divergence").field("eventNumber", divergence.event).field("kind", divergence.kind);
  json.field("call", divergence.call).field("site", divergence.site).field("recorded", divergence.recorded);
  report(json.field("replayed", divergence.replayed).field("cause", divergence.cause).end_object());
}

void on_warning(const Warning& warning) {
  JsonWriter json;
  json.begin_object().field("event", "warning").field("eventNumber", warning.event).field("kind", warning.kind);
  report(json.field("site", warning.site).field("message", warning.message).end_object());
}

void on_outbound(std::uint32_t id, const detail::EventTypeInfo& type, const void* payload, std::size_t bytes) {
  if (g_replayer != nullptr) g_replayer->outbound(id, type, payload, bytes);
}

void on_made(std::uint32_t id, const detail::EventTypeInfo& type, const detail::EventMaker& make) {
  if (g_replayer != nullptr) g_replayer->made(id, type, make);
}

Heap* heap_of_event() noexcept { return g_replayer != nullptr ? g_replayer->heap_of_event() : nullptr; }

void on_nothing_lent(const void* object) noexcept { g_replayer->nothing_lent(object); }

bool on_input(std::uint16_t kind, void* buffer, std::size_t capacity, std::size_t& bytes) noexcept {
  bytes = 0;
  return g_replayer != nullptr && g_replayer->input(kind, buffer, capacity, bytes);
}

bool in_event() noexcept { return g_replayer != nullptr && g_replayer->in_event(); }

bool on_call(const format::CallHeader& asked, std::span<const std::byte> shown, format::CallRecord& recorded) noexcept {
  return g_replayer->call(asked, shown, recorded);
}

void on_other_return(const format::CallHeader& asked, std::span<const std::byte> shown, const format::CallRecord& recorded,
                     std::uint64_t result) noexcept {
  g_replayer->returned_otherwise(asked, shown, recorded, result);
}

constexpr inputs::Hooks kInputHooks{.in_event = in_event, .policy = nullptr, .log = nullptr, .serve = on_call, .returned_otherwise = on_other_return};

// In another build: whatever the constructor does comes from the log, or is kept from the machine, too.
Status construct(const Plan& plan) {
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);  // there is no launcher to see to it
  report_crashes();
  if (Status status = enter_sandbox(on_trap); !status) RawLine().text(status.message().c_str()).print();
  return g_replayer->open_genesis(plan.reactor_directory(), *plan.genesis, plan.heap);
}

Status restore(const Plan& plan) {
  if (Status status = g_replayer->open(plan.reactor_directory()); !status) return status;
  if (Status status = enter_sandbox(on_trap); !status) RawLine().text(status.message().c_str()).print();
  return {};
}

}  // namespace

extern const ReplayHooks kReplayHooks{
    .outbound = on_outbound, .made = on_made, .input = on_input, .heap_of_event = heap_of_event, .nothing_lent = on_nothing_lent};

void replay_main(const Plan& plan) {
  load_missing_modules(plan);
  ask_for_another_layout(plan);
  tell_launcher_ready();
  g_replayer = new Replayer(plan.reactor);
  g_replayer->on_divergence = on_divergence;
  g_replayer->on_warning = on_warning;
  g_replayer->on_relocated = report_relocated;
  inputs::hooks = &kInputHooks;
  if (Status status = plan.genesis ? construct(plan) : restore(plan); !status) fail(status.message());
  report_ready(plan);
  if (plan.wait_for_debugger) {
    wait_for_debugger();
    handle({SIGSEGV}, on_debugged_fault);
    trap_time_stamps();
    g_replayer->keeps_checkpoints = true;
    run_rewindable(debugged_loop);
  }
  report_crashes();
  trap_time_stamps();
  _exit(run_commands(*g_replayer));
}

}  // namespace afterimage::replay
