// What a replay did differently, told so that one knows where to look.
#pragma once
#include <cstdint>
#include <span>
#include <string>

#include "format/calls.h"
#include "format/sent.h"

namespace afterimage::replay {

struct Divergence {
  std::uint64_t event;
  const char* kind;  // input, output, allocation, outbound, exception, denied
  std::string call;  // of an input or output: the name of the call
  std::string site;  // where in the program it was made
  std::string recorded, replayed;
  std::string cause;  // the most likely one, a sentence

  std::string sentence() const;
};

// Something that was not recorded and may make the replay diverge, now or later.
struct Warning {
  std::uint64_t event;
  const char* kind;  // tsc, syscall
  std::string site, message;
};

// "read = 12 \"EUR=1.0842\"", "clock_gettime = 0 (1763826123.102938475 s)", "open(\"rates.txt\") = -1 (No such file or directory)".
std::string describe(const format::CallRecord& record);
// The same without what it returns.
std::string describe(const format::CallHeader& asked, std::span<const std::byte> shown);
// "Order to reactor 1 (56 bytes): 0x6500000000000000 at byte 48": the part from byte `from` on, if it was kept; else a hash.
std::string describe(const format::SentRecord& sent, std::size_t from);

}  // namespace afterimage::replay
