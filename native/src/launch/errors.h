// How a launch can fail. Everything that goes wrong ends in one sentence on stderr and one of these exit codes.
#pragma once

#include <cstdint>
#include <sstream>
#include <stdexcept>
#include <string>

namespace afterimage::launch {

using Address = std::uint64_t;

enum class ExitCode : int {
  usage = 64,
  wrong_build = 65,
  no_program = 66,
  no_layout = 67,
  ended_early = 68,
  not_permitted = 69,
};

template <typename... Parts>
std::string text(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

std::string hex(std::uint64_t value);
std::string error_text(int error_number);

// The launch cannot succeed; what() is the sentence for the user.
class LaunchError : public std::runtime_error {
 public:
  template <typename... Parts>
  explicit LaunchError(ExitCode code, const Parts&... parts) : std::runtime_error(text(parts...)), code_(code) {}
  ExitCode code() const noexcept { return code_; }

 private:
  ExitCode code_;
};

// This address space cannot be used, another one (a new random layout) can.
struct TryAgain {
  std::string reason;
};

// Lines on stderr. note() speaks only with --verbose.
void set_verbose(bool verbose) noexcept;
void say(const std::string& sentence);
void note(const std::string& sentence);

}  // namespace afterimage::launch
