// What a debugger sees and writes: symbols with C names, and a block of plain data (debug-adapter/replay/PROTOCOL.md).
#pragma once
#include <cstdint>

extern "C" {

enum AfterimageStopReason : std::uint64_t { kStopNone = 0, kStopReady = 1, kStopTarget = 2, kStopEnd = 3 };

struct AfterimageReplay {
  std::uint64_t version;        // 1
  std::uint64_t position;       // where the replay stands; inside react(): the event's number
  std::uint64_t first, end;     // positions that can be reached
  std::uint64_t target;         // written by the debugger: where to go
  std::uint64_t stop_reason;    // AfterimageStopReason
  std::uint64_t in_react;       // 1: inside react() of event `position`
  const void* object;           // the reactor
  const void* inbox;            // where events are delivered
  const void* payload;          // of the event that is being processed
  std::uint64_t payload_bytes;
  const char* event_type;       // its C++ type
  std::uint64_t divergence_event;  // the first event that differed, or ~0
  char divergence[512];            // how
  std::uint64_t shortest_way;      // written by the debugger with `target`: 1: events on the way need not be replayed. Then 0 again
};

extern __attribute__((visibility("default"))) AfterimageReplay afterimage_replay;
__attribute__((visibility("default"))) void afterimage_stop_here();
// Called in the handler of SIGSEGV when the signal is the program's: after the handler's return the instruction faults again.
__attribute__((visibility("default"))) void afterimage_crash_ahead();
// Never returns: abandons whatever runs and replays to `target` from a snapshot, on a fresh stack.
__attribute__((visibility("default"))) void afterimage_rewind();
}

namespace afterimage::replay {

// Blocks until a debugger has attached to this process and let it continue.
void wait_for_debugger();

// Ends the process if its debugger is gone: left alone, a replay would run to the end of the log, or wait for ever.
void end_without_debugger();

// From here on afterimage_rewind() calls `resume`, which must not return, with the stack as it is now.
[[noreturn]] void run_rewindable(void (*resume)());

}  // namespace afterimage::replay
