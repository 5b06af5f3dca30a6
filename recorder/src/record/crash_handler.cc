#include "record/crash_handler.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <utility>

#include "afterimage/heap.h"
#include "os/clock.h"
#include "os/earlier_handler.h"
#include "record/current_event.h"
#include "record/reactor_core.h"

namespace afterimage {
namespace {

constexpr std::array<int, 5> kSignals = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};

// The open recordings.
struct Noting {
  std::atomic<const detail::RecorderCore*> recorder{nullptr};
  std::atomic<format::Control*> control{nullptr};
};
constinit Noting g_noting[64];
std::atomic<bool> g_installed = false;
constinit os::EarlierHandler g_earlier[kSignals.size()];

// In whose react() this thread is. Only compared: where memory is damaged it may lead anywhere.
const detail::RecorderCore* current_recorder() noexcept {
  const detail::ReactorCore* const reactor = detail::t_record.current.reactor;
  return reactor != nullptr ? reactor->recorder() : nullptr;
}

void note(format::CrashBlock& crash, bool is_in_its_reactor, int signal, const siginfo_t& info, const ucontext_t& context) noexcept {
  std::uint64_t none = format::kNoCrash;
  if (!__atomic_compare_exchange_n(&crash.state, &none, std::uint64_t{format::kCrashBeingWritten}, false,
                                   __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
    return;  // another thread was first
  const auto& registers = context.uc_mcontext.gregs;
  const auto value = [&](int index) { return static_cast<std::uint64_t>(registers[index]); };
  crash.signal = static_cast<std::uint32_t>(signal);
  crash.code = static_cast<std::uint32_t>(info.si_code);
  crash.address = reinterpret_cast<std::uintptr_t>(info.si_addr);
  crash.rip = value(REG_RIP);
  crash.rsp = value(REG_RSP);
  crash.rbp = value(REG_RBP);
  crash.thread = static_cast<std::uint64_t>(syscall(SYS_gettid));
  crash.reactor_plus_1 = is_in_its_reactor ? detail::t_record.current.reactor_plus_1 : 0;
  crash.event = is_in_its_reactor ? detail::t_record.current.event : 0;
  crash.time_ns = os::realtime_ns();
  static_assert(NGREG == 23);
  for (int i = 0; i < NGREG; ++i) crash.registers[i] = value(i);
  __atomic_store_n(&crash.state, std::uint64_t{format::kCrashComplete}, __ATOMIC_RELEASE);
}

os::EarlierHandler& earlier_handler(int signal) noexcept {
  return g_earlier[static_cast<std::size_t>(std::ranges::find(kSignals, signal) - kSignals.begin())];
}

void on_crash(int signal, siginfo_t* info, void* context) noexcept {
  const OutsideScope outside;  // what handlers do is not done by react()
  const detail::RecorderCore* const current = current_recorder();
  for (const Noting& noting : g_noting)
    if (format::Control* const control = noting.control.load())
      note(control->crash, noting.recorder == current, signal, *info, *static_cast<const ucontext_t*>(context));
  earlier_handler(signal).pass_on(signal, info, context);
}

void install_handlers() noexcept {
  struct sigaction action {};
  action.sa_sigaction = on_crash;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  for (const int signal : kSignals) {
    struct sigaction earlier {};
    sigaction(signal, nullptr, &earlier);
    earlier_handler(signal).set(earlier);
    // A signal that the program ignores stays ignored.
    if (earlier.sa_handler != SIG_IGN) sigaction(signal, &action, nullptr);
  }
}

}  // namespace

constinit thread_local detail::ThreadRecord detail::t_record;

void note_crashes(const detail::RecorderCore& recorder, format::Control& control) noexcept {
  for (Noting& noting : g_noting) {
    const detail::RecorderCore* nobody = nullptr;
    if (!noting.recorder.compare_exchange_strong(nobody, &recorder)) continue;
    noting.control = &control;
    break;
  }
  if (!g_installed.exchange(true)) install_handlers();
}

void note_no_crashes(const detail::RecorderCore& recorder) noexcept {
  for (Noting& noting : g_noting)
    if (noting.recorder == &recorder) {
      noting.control = nullptr;
      noting.recorder = nullptr;
    }
}

void ensure_signal_stack() noexcept {
  if (std::exchange(detail::t_record.has_signal_stack, true)) return;
  stack_t current;
  if (sigaltstack(nullptr, &current) != 0 || (current.ss_flags & SS_DISABLE) == 0) return;
  constexpr std::size_t kBytes = 64 * 1024;
  // Never unmapped: the thread may still take a signal while its thread_locals are destroyed.
  void* const memory = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (memory == MAP_FAILED) return;
  const stack_t stack{.ss_sp = memory, .ss_flags = 0, .ss_size = kBytes};
  sigaltstack(&stack, nullptr);
}

}  // namespace afterimage
