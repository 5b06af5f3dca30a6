// The time between two events of a reactor, seen from another thread.
//
// Whoever changes page tables interrupts all threads of the process, and lets one wait that has a fault there. In a virtual machine
// that is 9 us of the reactor's event for each table, and up to 17 more if it writes; right after an event it is nothing, unless the next
// one comes at once.
#pragma once
#include <chrono>

#include "heap/heap.h"

namespace afterimage {

class EventGaps {
 public:
  // `patience`: for all waiting together.
  EventGaps(const Heap& heap, std::chrono::nanoseconds patience) noexcept : heap_(heap), patience_(patience) {}

  // Until an event has just ended; not for long: the reactor may have nothing to do, or an event that takes its time.
  void wait_for_one() noexcept;

 private:
  const Heap& heap_;
  std::chrono::nanoseconds patience_;
};

}  // namespace afterimage
