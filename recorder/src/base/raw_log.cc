#include "base/raw_log.h"

#include <cerrno>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/raw_syscall.h"

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
  characters_[length_++] = '\n';
  std::size_t written = 0;
  while (written < length_) {
    const long now = raw_syscall(SYS_write, STDERR_FILENO, reinterpret_cast<long>(characters_ + written),
                                 static_cast<long>(length_ - written));
    if (now == -EINTR) continue;
    if (now <= 0) break;  // nobody listens: there is no better place to say it
    written += static_cast<std::size_t>(now);
  }
  length_ = 0;
}

}  // namespace afterimage
