#include "snapshot/event_gaps.h"

#include <emmintrin.h>

#include <algorithm>

namespace afterimage {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::nanoseconds kMostForOne{100'000};

// The reactor writes what we look at: each look costs it a little.
void pause_between_looks() noexcept {
  for (int i = 0; i < 4; ++i) _mm_pause();
}

}  // namespace

void EventGaps::wait_for_one() noexcept {
  const Clock::time_point begun = Clock::now(), until = begun + std::min(kMostForOne, patience_);
  Clock::time_point now = begun;
  for (std::uint64_t before = heap_.event_plus_1(), event; now < until; before = event, now = Clock::now()) {
    event = heap_.event_plus_1();
    if (before != 0 && event != before) break;
    pause_between_looks();
  }
  patience_ -= now - begun;
}

}  // namespace afterimage
