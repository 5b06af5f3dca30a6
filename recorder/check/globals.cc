#include "globals.h"

#include <sys/mman.h>
#include <sys/syscall.h>

#include "base/bits.h"
#include "base/hash.h"
#include "base/raw_syscall.h"
#include "code.h"
#include "findings.h"
#include "os/pages.h"
#include "reactors.h"
#include "shared_words.h"
#include "spin_lock.h"

namespace afterimage::check {
namespace {

constexpr std::size_t kHeapsProtected = 64;  // with more reactors than this, their heaps are not
constexpr int kStepsPerEvent = 64;           // then the pages stay open until the next event
constexpr std::uint32_t kStepsPerPage = 4096;  // then the page stays open for good
constexpr std::size_t kStepPages = 4, kHotPages = 1024;
constexpr greg_t kTrapFlag = 0x100;

constinit SpinLock g_lock;  // of what follows
int g_reacting = 0;
struct HotPage {
  std::uintptr_t page;
  std::uint32_t steps;
};
HotPage g_hot[kHotPages];

struct Step {
  std::uintptr_t pages[kStepPages];
  std::size_t count;
  int this_event;
};
__attribute__((tls_model("initial-exec"))) thread_local Step t_step = {};

void set_access(std::uintptr_t begin, std::uintptr_t end, int access) noexcept {
  if (begin < end) raw_syscall(SYS_mprotect, static_cast<long>(begin), static_cast<long>(end - begin), access);
}

std::uintptr_t heap_end(const Heap& heap) noexcept {
  std::uintptr_t end = heap.base();
  heap.used_ranges([&](std::uintptr_t address, std::size_t bytes) { end = address + bytes; });
  return end;
}

std::size_t live_reactors() noexcept {
  std::size_t count = 0;
  for_each_reactor([&](const LiveReactor&) { ++count; });
  return count;
}

// The heaps of reactors that are not in react() themselves.
void set_heap_access(int access) noexcept {
  if (live_reactors() > kHeapsProtected) return;
  for_each_reactor([&](const LiveReactor& reactor) {
    if (reactor.reacting == 0) set_access(reactor.heap->base(), heap_end(*reactor.heap), access);
  });
}

void set_all_access(int access) noexcept {
  for_each_module([&](const ModuleRange& module) {
    if (module.code == Code::program) set_access(module.data_begin, module.data_end, access);
  });
  set_heap_access(access);
  if (access != PROT_READ) return;
  for (const HotPage& hot : g_hot)
    if (hot.steps >= kStepsPerPage) set_access(hot.page, hot.page + os::kPageBytes, PROT_READ | PROT_WRITE);
}

HotPage& hot_page(std::uintptr_t page) noexcept {
  HotPage* place = &g_hot[page / os::kPageBytes % kHotPages];
  if (place->page != page && place->steps < kStepsPerPage) *place = {page, 0};
  return *place;
}

struct Target {
  bool ours;
  Kind kind;
  std::uint32_t reactor;
};

Target target_at(std::uintptr_t address) noexcept {
  if (const LiveReactor* const reactor = reactor_at(reinterpret_cast<void*>(address)))
    return {true, Kind::other_heap_write, reactor->id};
  const ModuleRange* const module = module_of(address);
  const bool ours = module != nullptr && module->code == Code::program && address - module->data_begin < module->data_end - module->data_begin;
  return {ours, Kind::global_write, 0};
}

void note_write(const Event& event, const Target& target, std::uintptr_t address, std::uintptr_t instruction) noexcept {
  if (code_at(instruction) == Code::loader) return;  // a function is called for the first time
  const CallStack stack = stack_from(instruction);
  const Code writer = caller_past_libc(stack);
  if (writer == Code::recorder || writer == Code::check || writer == Code::none) return;
  Finding finding = new_finding(target.kind, event.reactor, event.number);
  finding.detail = target.reactor;
  finding.address = address;
  if (target.kind == Kind::global_write) watch_word(address);
  note(stack.hash(hash_mix(address & ~std::uintptr_t{63}, event.reactor)), finding, stack);
}

void step_over(ucontext_t& context, std::uintptr_t page) noexcept {
  t_step.pages[t_step.count++] = page;
  context.uc_mcontext.gregs[REG_EFL] |= kTrapFlag;
}

}  // namespace

void protect_for(const Event& event) noexcept {
  const SpinLock::Guard guard(g_lock);
  t_step.this_event = 0;
  if (LiveReactor* const reactor = reactor_at(event.heap); reactor != nullptr && ++reactor->reacting == 1 && g_reacting > 0)
    set_access(reactor->heap->base(), heap_end(*reactor->heap), PROT_READ | PROT_WRITE);
  ++g_reacting;
  set_all_access(PROT_READ);
}

void unprotect_after(const Event& event) noexcept {
  const SpinLock::Guard guard(g_lock);
  if (LiveReactor* const reactor = reactor_at(event.heap)) --reactor->reacting;
  if (--g_reacting == 0) set_all_access(PROT_READ | PROT_WRITE);
}

bool on_write_fault(const siginfo_t& info, ucontext_t& context) noexcept {
  if (info.si_code != SEGV_ACCERR) return false;
  const auto address = reinterpret_cast<std::uintptr_t>(info.si_addr);
  const Target target = target_at(address);
  if (!target.ours) return false;
  const std::uintptr_t page = align_down(address, os::kPageBytes);
  set_access(page, page + os::kPageBytes, PROT_READ | PROT_WRITE);
  const Event* const event = current_event();
  if (event == nullptr) return true;
  note_write(*event, target, address, static_cast<std::uintptr_t>(context.uc_mcontext.gregs[REG_RIP]));
  const bool stays_open = ++t_step.this_event > kStepsPerEvent || ++hot_page(page).steps >= kStepsPerPage;
  if (!stays_open && t_step.count < kStepPages) step_over(context, page);
  return true;
}

bool on_step_done(ucontext_t& context) noexcept {
  if (t_step.count == 0) return false;
  context.uc_mcontext.gregs[REG_EFL] &= ~kTrapFlag;
  const SpinLock::Guard guard(g_lock);
  for (; t_step.count > 0; --t_step.count) {
    const std::uintptr_t page = t_step.pages[t_step.count - 1];
    if (g_reacting > 0) set_access(page, page + os::kPageBytes, PROT_READ);
  }
  return true;
}

OpenGlobals::OpenGlobals() noexcept {
  const SpinLock::Guard guard(g_lock);
  if (g_reacting > 0) set_all_access(PROT_READ | PROT_WRITE);
}

OpenGlobals::~OpenGlobals() {
  const SpinLock::Guard guard(g_lock);
  if (g_reacting > 0) set_all_access(PROT_READ);
}

}  // namespace afterimage::check
