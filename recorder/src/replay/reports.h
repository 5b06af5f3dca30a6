// What the replayer tells whoever started it: one JSON line each, on descriptor 4 (ARCHITECTURE.md, Replayer).
#pragma once
#include <cstdint>
#include <string>

#include "base/json_writer.h"

namespace afterimage::replay {

inline constexpr int kCommandDescriptor = 3, kReportDescriptor = 4;

// Silently nothing when nobody listens.
void report(const JsonWriter& json);
void report_error(const std::string& message);
// Signal-safe.
void report_crash(std::uint64_t event, int signal, int code, std::uint64_t address, std::uint64_t rip) noexcept;

}  // namespace afterimage::replay
