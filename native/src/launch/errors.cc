#include "errors.h"

#include <cstdio>
#include <cstring>

namespace afterimage::launch {

namespace {
bool verbose_output = false;
}

std::string hex(std::uint64_t value) {
  char digits[24];
  std::snprintf(digits, sizeof digits, "0x%llx", static_cast<unsigned long long>(value));
  return digits;
}

std::string error_text(int error_number) { return std::strerror(error_number); }

void set_verbose(bool verbose) noexcept { verbose_output = verbose; }

// One fprintf per line: the replayer writes to the same stderr.
void say(const std::string& sentence) { std::fprintf(stderr, "afterimage-launch: %s\n", sentence.c_str()); }

void note(const std::string& sentence) {
  if (verbose_output) say(sentence);
}

}  // namespace afterimage::launch
