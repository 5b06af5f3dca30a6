// The control file (FORMAT.md §2): progress and the reason of the end, in words that are each written whole.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

namespace afterimage::format {

inline constexpr char kControlMagic[16] = {'A', 'F', 'T', 'R', 'I', 'M', 'G', '-', 'C', 'T', 'R', 'L', '-', '0', '0', '1'};
inline constexpr std::size_t kReactorSlots = 4096;

enum ControlState : std::uint64_t { kLive = 1, kClosed = 2 };
enum CrashState : std::uint64_t { kNoCrash = 0, kCrashBeingWritten = 1, kCrashComplete = 2 };
enum ReactorState : std::uint64_t { kUnused = 0, kReactorLive = 1, kDestroyed = 2, kSteppedAside = 3 };

struct CrashBlock {
  std::uint64_t state;  // CrashState
  std::uint32_t signal;
  std::uint32_t code;
  std::uint64_t address, rip, rsp, rbp;
  std::uint64_t thread;
  std::uint64_t reactor_plus_1;
  std::uint64_t event;
  std::uint64_t time_ns;
  std::uint64_t registers[23];
};

struct ReactorSlot {
  std::uint64_t started, finished;
  std::uint64_t snapshot_position;
  std::uint64_t state;  // ReactorState
  std::uint64_t slot_base;
  std::uint64_t reserved;
  std::uint64_t snapshot_requests;  // counted up by anyone, of this process or another
  std::uint64_t failures;           // inputs that are failures, in the log
};
static_assert(sizeof(ReactorSlot) == 64);

struct Control {
  char magic[16];
  std::uint32_t version, file_bytes;
  std::uint8_t uuid[16];
  std::uint64_t reactors;
  std::uint64_t state;  // ControlState
  std::uint64_t failure;
  std::uint64_t stop_time_ns;
  std::uint8_t pad1[512 - 72];
  CrashBlock crash;
  std::uint8_t pad2[2048 - 512 - sizeof(CrashBlock)];
  char failure_text[1024];
  std::uint8_t pad3[1024];
  ReactorSlot slots[kReactorSlots];
};
static_assert(offsetof(Control, crash) == 512);
static_assert(offsetof(Control, crash.time_ns) == 584);
static_assert(offsetof(Control, failure_text) == 2048);
static_assert(offsetof(Control, slots) == 4096);
static_assert(sizeof(Control) == 266240);

// The progress of a reactor; zeroes where the control file is missing or another file.
ReactorSlot read_reactor_slot(const std::string& control_path, std::uint32_t reactor);

}  // namespace afterimage::format
