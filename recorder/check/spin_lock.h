// A lock without system calls: those are what we watch. Held for a few instructions, never while a signal handler that wants
// it too could interrupt: the handlers of faults run for what the program does, and the program does not run inside.
#pragma once
#include <atomic>

namespace afterimage::check {

class SpinLock {
 public:
  class [[nodiscard]] Guard {
   public:
    explicit Guard(SpinLock& lock) noexcept : lock_(lock) {
      while (lock_.taken_.test_and_set(std::memory_order_acquire)) __builtin_ia32_pause();
    }
    ~Guard() { lock_.taken_.clear(std::memory_order_release); }
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;

   private:
    SpinLock& lock_;
  };

 private:
  std::atomic_flag taken_;
};

}  // namespace afterimage::check
