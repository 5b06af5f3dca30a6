#include "snapshot/write_faults.h"

#include <errno.h>
#include <signal.h>
#include <ucontext.h>

#include <atomic>
#include <utility>

#include "heap/heap.h"
#include "os/earlier_handler.h"

namespace afterimage {
namespace {

struct Entry {
  std::atomic<void*> self{nullptr};
  std::atomic<WriteFaultHandler> handler{nullptr};
};
Entry g_entries[16];

// Who was there first, and who came later and is to be asked before. The second may call us again.
constinit os::EarlierHandler g_first, g_later;
std::atomic<bool> g_installed = false, g_has_later = false;

// The later one is being asked, about the signal with this context, from this frame of ours. Stays behind when it jumps out.
struct Asking {
  const void* context = nullptr;
  const void* frame = nullptr;
};
__attribute__((tls_model("initial-exec"))) thread_local Asking t_asking;
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

void on_signal(int signal, siginfo_t* info, void* context) noexcept {
  const int error = errno;
  const bool is_ours = info->si_code == SEGV_ACCERR && is_write(*static_cast<const ucontext_t*>(context)) &&
                       handled(reinterpret_cast<std::uintptr_t>(info->si_addr));
  errno = error;
  if (is_ours) return;
  const Asking now{context, __builtin_frame_address(0)};
  const bool later_calls_us = t_asking.context == now.context && now.frame < t_asking.frame;
  if (!g_has_later || later_calls_us) return g_first.pass_on(signal, info, context);
  const Asking before = std::exchange(t_asking, now);
  g_later.pass_on(signal, info, context);
  t_asking = before;
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
  os::EarlierHandler& behind_us = g_installed ? g_later : g_first;
  behind_us.set(current);
  if (g_installed) g_has_later = true;
  g_installed = true;
  struct sigaction action {};
  action.sa_sigaction = on_signal;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  return sigaction(SIGSEGV, &action, nullptr) == 0 ? 0 : errno;
}

}  // namespace afterimage
