// What react() has of the thread that runs it: thread-local variables and the floating-point mode.
//
// Kept as the bytes that the log and the snapshots hold (FORMAT.md, Thread state), so that "is it still as the last event
// left it" is a comparison in place. A reactor may be run by another thread each time, and the program may use the same variables
// between two events: what is found to differ then is an input of the next one.
//
// Variables of libraries that the program was started with are at the same distance from every thread's pointer. Those of libraries
// loaded later are wherever the loader put them when the thread first used them, and may go with their library: they are looked
// for at each take(), and not compared in between.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace afterimage {

class ThreadState {
 public:
  ThreadState() = default;
  // Of whose thread-local variables it tells. take() comes first.
  explicit ThreadState(std::vector<std::uintptr_t> modules) : modules_(std::move(modules)) {}

  // Takes over what the calling thread has.
  void take();
  // For after every event: the same, without libraries loaded later. bytes() are up to date after take() only.
  void keep() noexcept {
    mode_.take();
    if (!blocks_.empty()) keep_blocks();
  }
  // Whether the calling thread has what was kept.
  bool is_current() const noexcept {
    FloatingPointMode now;
    now.take();
    return mode_ == now && (blocks_.empty() || blocks_are_current());
  }
  std::span<const std::byte> bytes() const noexcept { return bytes_; }

  // Gives the calling thread what the bytes say. Variables of modules that are not loaded are left out; false when the bytes are
  // not understood.
  static bool restore(std::span<const std::byte> bytes);
  // The modules of whose variables the bytes tell.
  static std::vector<std::uintptr_t> modules_in(std::span<const std::byte> bytes);

 private:
  struct FloatingPointMode {
    static constexpr std::uint32_t kStickyFlags = 0x3F;  // of MXCSR: which exceptions there have been

    std::uint32_t mxcsr = 0;
    std::uint16_t x87_control = 0;

    void take() noexcept { asm volatile("stmxcsr %0\n\tfnstcw %1" : "=m"(mxcsr), "=m"(x87_control)); }
    void set() const noexcept { asm volatile("ldmxcsr %0\n\tfldcw %1" : : "m"(mxcsr), "m"(x87_control)); }
    bool operator==(const FloatingPointMode& other) const noexcept {
      return ((mxcsr ^ other.mxcsr) & ~kStickyFlags) == 0 && x87_control == other.x87_control;
    }
  };
  void keep_blocks() noexcept;
  bool blocks_are_current() const noexcept;

  struct Block {
    std::ptrdiff_t distance;  // from the thread's pointer
    std::size_t bytes, at;    // where it is in bytes_
  };

  FloatingPointMode mode_;  // no thread's, until take()
  std::vector<std::uintptr_t> modules_;
  std::vector<Block> blocks_;  // of libraries that the program was started with
  std::vector<std::byte> bytes_;
};

}  // namespace afterimage
