// check/event.h: what this thread is doing.
#pragma once
#include <cstddef>
#include <cstdint>

#include "heap/heap.h"

namespace afterimage::check {

struct Event {
  std::uint32_t reactor;
  std::uint64_t number;
  Heap* heap;
};

// Null outside of react(), and in the function given to afterimage::input(): what that does is recorded as one value.
const Event* current_event() noexcept;

// While it lives, system calls of this thread are its own: not the program's.
class [[nodiscard]] Pause {
 public:
  Pause() noexcept;
  ~Pause();
  Pause(const Pause&) = delete;
  Pause& operator=(const Pause&) = delete;

 private:
  char previous_;
};

}  // namespace afterimage::check
