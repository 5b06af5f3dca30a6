// What the replayer tells whoever started it: one JSON line each, on descriptor 4 (debug-adapter/replay/PROTOCOL.md).
#pragma once
#include <cstdint>
#include <string>

#include "base/json_writer.h"
#include "replay/relocator.h"

namespace afterimage::replay {

inline constexpr int kCommandDescriptor = 3, kReportDescriptor = 4;

// Silently nothing when nobody listens.
void report(const JsonWriter& json);
void report_error(const std::string& message);
// The slot is taken: where the reactor is instead.
void report_relocated(const Relocator& relocator);
// Where a run has ended that was to go to `target`.
void report_stopped(std::uint64_t position, std::uint64_t target);
// How memory differs from a core dump's (page_comparison.h).
struct PagesReport {
  struct Word {
    std::uint64_t address, recorded, replayed;
  };
  static constexpr std::uint64_t kWords = 32;  // those after the first ones are only counted

  std::uint64_t compared = 0, different = 0, missing = 0;  // pages
  std::uint64_t different_words = 0;
  Word words[kWords];
};

// Signal-safe, both.
void report_pages(const PagesReport& pages) noexcept;
void report_crash(std::uint64_t event, int signal, int code, std::uint64_t address, std::uint64_t rip,
                  std::uint64_t rsp) noexcept;
// A divergence: react() crashes in the replay only; `stale`: at an address of the slot that the reactor was moved out of. Like
// report_crash() it may be called from a signal handler.
void report_unrecorded_crash(std::uint64_t event, int code, std::uint64_t address, bool stale) noexcept;

}  // namespace afterimage::replay
