#include "base/raw_log.h"

#include <cerrno>
#include <unistd.h>

namespace afterimage {

void RawLine::put(char character) noexcept {
  if (length_ < kCapacity - 1) characters_[length_++] = character;  // one place stays for the line feed
}

RawLine& RawLine::text(const char* text) noexcept {
  while (*text != '\0') put(*text++);
  return *this;
}

RawLine& RawLine::number(std::uint64_t value) noexcept {
  char digits[20];
  std::size_t count = 0;
  do digits[count++] = static_cast<char>('0' + value % 10); while ((value /= 10) != 0);
  while (count != 0) put(digits[--count]);
  return *this;
}

RawLine& RawLine::hex(std::uint64_t value) noexcept {
  text("0x");
  int shift = 60;
  while (shift > 0 && (value >> shift & 15) == 0) shift -= 4;
  for (; shift >= 0; shift -= 4) put("0123456789abcdef"[value >> shift & 15]);
  return *this;
}

void RawLine::print() noexcept {
  const int saved = errno;
  characters_[length_++] = '\n';
  std::size_t written = 0;
  while (written < length_) {
    const ssize_t now = ::write(STDERR_FILENO, characters_ + written, length_ - written);
    if (now < 0 && errno == EINTR) continue;
    if (now <= 0) break;  // nobody listens: there is no better place to say it
    written += static_cast<std::size_t>(now);
  }
  length_ = 0;
  errno = saved;
}

}  // namespace afterimage
