#include "snapshot/write_faults.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <atomic>

#include "heap/heap.h"

namespace afterimage {
namespace {

struct Entry {
  std::atomic<void*> self{nullptr};
  std::atomic<WriteFaultHandler> handler{nullptr};
};
Entry g_entries[16];

// Who was there first, and who came later and is to be asked before. The second may call us again.
struct sigaction g_first{}, g_later{};
std::atomic<bool> g_installed = false, g_has_later = false;
__attribute__((tls_model("initial-exec"))) thread_local bool t_passing_on = false;
__attribute__((tls_model("initial-exec"))) thread_local std::uintptr_t t_tried_again = 0;

bool is_write(const ucontext_t& context) noexcept {
  constexpr greg_t kWrite = 1 << 1, kFetch = 1 << 4;  // of the page fault's error code
  return (context.uc_mcontext.gregs[REG_ERR] & (kWrite | kFetch)) == kWrite;
}

// Tries once more what may have failed just before the page was given back.
bool may_succeed_now(std::uintptr_t address) noexcept {
  if (address == t_tried_again || heap_of(reinterpret_cast<const void*>(address)) == nullptr) return false;
  t_tried_again = address;
  return true;
}

bool handled(std::uintptr_t address) noexcept {
  for (Entry& entry : g_entries) {
    void* const self = entry.self.load(std::memory_order_acquire);
    const WriteFaultHandler handler = entry.handler.load(std::memory_order_acquire);
    if (self != nullptr && handler != nullptr && handler(self, address)) {
      t_tried_again = 0;
      return true;
    }
  }
  return may_succeed_now(address);
}

void call(const struct sigaction& action, int signal, siginfo_t* info, void* context) noexcept {
  if (action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN) {
    if ((action.sa_flags & SA_SIGINFO) != 0) return action.sa_sigaction(signal, info, context);
    return action.sa_handler(signal);
  }
  // As if we had never been here: the fault happens again on return; a signal that was sent must be sent again.
  sigaction(signal, &action, nullptr);
  if (info->si_code <= 0) syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), signal);
}

void on_signal(int signal, siginfo_t* info, void* context) noexcept {
  const int error = errno;
  const bool is_ours = info->si_code == SEGV_ACCERR && is_write(*static_cast<const ucontext_t*>(context)) &&
                       handled(reinterpret_cast<std::uintptr_t>(info->si_addr));
  errno = error;
  if (is_ours) return;
  if (!g_has_later || t_passing_on) return call(g_first, signal, info, context);
  t_passing_on = true;
  call(g_later, signal, info, context);
  t_passing_on = false;  // not reached when the handler jumps out: then the next one to be told is the first
}

}  // namespace

bool add_write_fault_handler(void* self, WriteFaultHandler handler) noexcept {
  for (Entry& entry : g_entries) {
    void* nobody = nullptr;
    if (!entry.self.compare_exchange_strong(nobody, self)) continue;
    entry.handler = handler;
    return true;
  }
  return false;
}

void remove_write_fault_handler(void* self) noexcept {
  for (Entry& entry : g_entries)
    if (entry.self == self) {
      entry.handler = nullptr;
      entry.self = nullptr;
    }
}

int come_first_at_write_faults() noexcept {
  struct sigaction current {};
  if (sigaction(SIGSEGV, nullptr, &current) != 0) return errno;
  if ((current.sa_flags & SA_SIGINFO) != 0 && current.sa_sigaction == on_signal) return 0;
  struct sigaction& behind_us = g_installed ? g_later : g_first;
  behind_us = current;
  if (g_installed) g_has_later = true;
  g_installed = true;
  struct sigaction action {};
  action.sa_sigaction = on_signal;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  return sigaction(SIGSEGV, &action, nullptr) == 0 ? 0 : errno;
}

}  // namespace afterimage
