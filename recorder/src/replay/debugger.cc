#include "replay/debugger.h"

#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

extern "C" {

AfterimageReplay afterimage_replay = {
    .version = 1, .position = 0, .first = 0, .end = 0, .target = 0, .stop_reason = kStopNone, .in_react = 0,
    .object = nullptr, .inbox = nullptr, .payload = nullptr, .payload_bytes = 0, .event_type = "",
    .divergence_event = ~std::uint64_t{0}, .divergence = "", .shortest_way = 0};

__attribute__((noinline)) void afterimage_stop_here() {
  asm volatile("" ::: "memory");  // the debugger reads and writes afterimage_replay here
}

__attribute__((noinline)) void afterimage_crash_ahead() { asm volatile("" ::: "memory"); }

// Written in run_rewindable(), read by the code below.
__attribute__((visibility("hidden"))) void* afterimage_rewind_stack = nullptr;
__attribute__((visibility("hidden"))) void (*afterimage_rewind_resume)() = nullptr;
}

// The stack pointer may be anywhere, also in the middle of a crashed function, and the stack overflown.
asm(R"(
    .text
    .globl afterimage_rewind
    .type afterimage_rewind, @function
    .p2align 4
afterimage_rewind:
    .cfi_startproc
    .cfi_undefined rip
    movq afterimage_rewind_stack(%rip), %rsp
    xorl %ebp, %ebp
    cld
    callq *afterimage_rewind_resume(%rip)
    ud2
    .cfi_endproc
    .size afterimage_rewind, .-afterimage_rewind
)");

namespace afterimage::replay {
namespace {

bool is_traced() {
  FILE* const status = std::fopen("/proc/self/status", "r");
  if (status == nullptr) return false;
  char line[256];
  int tracer = 0;
  while (std::fgets(line, sizeof line, status) != nullptr)
    if (std::sscanf(line, "TracerPid: %d", &tracer) == 1) break;
  std::fclose(status);
  return tracer != 0;
}

void pause_ms(long milliseconds) {
  const timespec time{.tv_sec = 0, .tv_nsec = milliseconds * 1'000'000};
  nanosleep(&time, nullptr);
}

}  // namespace

void wait_for_debugger() {
  while (!is_traced()) pause_ms(2);
  // Attaching stops us a moment after TracerPid is set. We must be waiting here, not running, when that happens.
  pause_ms(20);
}

void end_without_debugger() {
  constexpr int kExitAbandoned = 5;
  if (!is_traced()) _exit(kExitAbandoned);
}

void run_rewindable(void (*resume)()) {
  afterimage_rewind_resume = resume;
  const auto here = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
  afterimage_rewind_stack = reinterpret_cast<void*>((here - 4096) & ~std::uintptr_t{15});
  afterimage_rewind();
  __builtin_unreachable();
}

}  // namespace afterimage::replay
