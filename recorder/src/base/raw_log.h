// base/raw_log.h: one line on stderr from places where nothing else is allowed.
//
// Used inside malloc, in signal handlers and in the replayer's first instructions: no allocation, no
// stdio, no locks, errno is preserved. A line is written by a single write(2), so that lines of
// different threads do not mix.
#pragma once

#include <cstddef>
#include <cstdint>

namespace afterimage {

class RawLine {
 public:
  RawLine() noexcept { text("afterimage: "); }

  RawLine& text(const char* text) noexcept;
  RawLine& number(std::uint64_t value) noexcept;
  RawLine& hex(std::uint64_t value) noexcept;
  RawLine& address(const void* pointer) noexcept { return hex(reinterpret_cast<std::uintptr_t>(pointer)); }

  // Adds the line feed and writes the line to stderr.
  void print() noexcept;

 private:
  void put(char character) noexcept;

  static constexpr std::size_t kCapacity = 512;  // longer lines are cut
  char characters_[kCapacity];
  std::size_t length_ = 0;
};

}  // namespace afterimage
