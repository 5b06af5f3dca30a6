// Tells whoever waits how far a long run has come.
#pragma once
#include <time.h>

#include <cstdint>

#include "replay/reports.h"

namespace afterimage::replay {

// At most ten reports a second, and a look at the clock only every thousand events.
class Progress {
 public:
  void at(std::uint64_t event) {
    if ((event & 1023) != 0) return;
    const std::uint64_t now = monotonic_ms();
    if (now - last_ms_ < 100) return;
    last_ms_ = now;
    JsonWriter json;
    report(json.begin_object().field("event", "progress").field("position", event).end_object());
  }

 private:
  static std::uint64_t monotonic_ms() {
    timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1000 + static_cast<std::uint64_t>(now.tv_nsec) / 1'000'000;
  }

  std::uint64_t last_ms_ = monotonic_ms();
};

}  // namespace afterimage::replay
