#include "format/positioned_io.h"

#include <errno.h>
#include <unistd.h>

namespace afterimage::format {

int write_at(int descriptor, const void* data, std::size_t bytes, std::uint64_t offset) noexcept {
  const auto* p = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t written = pwrite(descriptor, p, bytes, static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    if (written == 0) return ENOSPC;
    p += written;
    offset += static_cast<std::uint64_t>(written);
    bytes -= static_cast<std::size_t>(written);
  }
  return 0;
}

bool read_at(int descriptor, void* data, std::size_t bytes, std::uint64_t offset) noexcept {
  auto* p = static_cast<char*>(data);
  while (bytes > 0) {
    const ssize_t got = pread(descriptor, p, bytes, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    p += got;
    offset += static_cast<std::uint64_t>(got);
    bytes -= static_cast<std::size_t>(got);
  }
  return true;
}

}  // namespace afterimage::format
