// base/raw_log.h: one line on stderr from places where nothing else is allowed.
//
// Used inside malloc, in signal handlers and in the replayer's first instructions: no allocation, no
// stdio, no locks, errno is preserved. A line is written by a single write(2), so that lines of
// different threads do not mix.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace afterimage {

class RawLine {
 public:
  RawLine() noexcept { text("afterimage: "); }

  RawLine& text(const char* text) noexcept;
  RawLine& number(std::uint64_t value) noexcept;
  RawLine& hex(std::uint64_t value) noexcept;
  RawLine& address(const void* pointer) noexcept { return hex(reinterpret_cast<std::uintptr_t>(pointer)); }

  // What it says, without whose line it is.
  std::string_view sentence() const noexcept { return std::string_view(characters_, length_).substr(kPrefix); }
  // Adds the line feed and writes the line to stderr.
  void print() noexcept;

 private:
  void put(char character) noexcept;

  static constexpr std::size_t kPrefix = sizeof "afterimage: " - 1;
  static constexpr std::size_t kCapacity = 512;  // longer lines are cut
  char characters_[kCapacity];
  std::size_t length_ = 0;
};

}  // namespace afterimage
