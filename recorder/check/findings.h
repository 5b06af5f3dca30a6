// check/findings.h: what was found, in a file that is complete at every moment.
//
//     0       header: what could be looked at, how much was looked at
//     4096    how often each intercepted call was made in react(): 1536 numbers
//     16384   findings, 512 bytes each: one for each place, with a count
//
// The file is mapped and shared: however the program ends, what was stored is there. debug-adapter/check/findings-file.ts reads it.
// note() is called by signal handlers: no allocation, no system call.
#pragma once
#include <cstddef>
#include <cstdint>

#include "call_stack.h"

namespace afterimage::check {

enum class Kind : std::uint32_t {
  global_write = 1,       // `address` was written
  other_heap_write = 2,   // ... in the heap of reactor `detail`
  thread_local_write = 3, // `address` is the offset in the thread's block of the module at `value`, `extra[0]` the bytes from there on;
                          // `extra[1]`: they hold an address in the heap of reactor `detail`
  pointer = 4,            // the word at `address` holds `value`; the stack is that of the allocation, where known
  thread = 5,             // started at `value`
  system_call = 6,        // number `detail`, which nobody has recorded
  waits = 7,              // system call `detail` may make it wait; `extra[0]`: a Wait, `extra[1]`: whether it was recorded
  time_stamp = 8,
  library_call = 9,       // of the function named by `text`, which nobody has recorded
  changed_between = 10,   // the word at `address`, which react() had written, was changed by others
  leads_in = 11,          // it has been left with `value`, an address in the heap of reactor `detail`
};

enum class Wait : std::uint64_t { lock, sleep, peer, file, child };

enum class Place : std::uint64_t { ordinary_heap, stack, mapping, module_data, other_reactor, thread_local_data };

struct Finding {
  std::uint32_t state;  // 1: complete
  Kind kind;
  std::uint64_t count;
  std::uint64_t event;  // the first one
  std::uint32_t reactor;
  std::uint32_t detail;
  std::uint64_t address, value;
  // Of a pointer: the block that holds it and its bytes; a Place; bytes of the target's block and the distance into it, or of
  // thread-local data the module and the offset; the number of the heap's image.
  std::uint64_t extra[6];
  std::uint64_t frame_count;
  std::uint64_t frames[CallStack::kFrames];
  char text[128];  // of a pointer: what is mapped at the target
  std::uint64_t reserved[3];
};
static_assert(sizeof(Finding) == 512);

struct FindingsHeader {
  std::uint64_t magic, version;
  std::uint64_t findings;  // so many are in use
  std::uint64_t left_out;  // for want of room
  std::uint64_t events, reactors;
  std::uint64_t no_system_calls, no_time_stamps;  // errno: why these could not be looked at; 0: they were
  std::uint64_t scans;     // of heaps, for pointers
};

inline constexpr std::uint64_t kMagic = 0x4B434548434D4941;  // "AIMCHECK"
inline constexpr std::size_t kCallNumbers = 1536;
inline constexpr std::size_t kCallsOffset = 4096, kFindingsOffset = 16384, kFindings = 4096;

inline Finding new_finding(Kind kind, std::uint32_t reactor, std::uint64_t event) noexcept {
  Finding finding{};
  finding.kind = kind;
  finding.reactor = reactor;
  finding.event = event;
  return finding;
}

// False when the file cannot be made. Without it note() does nothing.
bool open_findings(const char* path) noexcept;
FindingsHeader& header() noexcept;
void count_call(std::uint16_t call) noexcept;

// Adds a finding, or counts it where `key` is known. True when it is new.
bool note(std::uint64_t key, const Finding& finding, const CallStack& stack) noexcept;

}  // namespace afterimage::check
