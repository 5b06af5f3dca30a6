#include "process_memory.h"

#include <sys/uio.h>

#include <algorithm>
#include <cerrno>

namespace afterimage {

namespace {

// Smaller than the kernel's limit of one call (2 GiB - 1 page), and a multiple of the page.
constexpr std::size_t chunk_bytes = std::size_t{1} << 30;

}  // namespace

// A read across the end of a mapping returns what was before it; the next one then fails and says why.
MemoryRead read_process_memory(pid_t pid, std::uint64_t address, std::span<std::byte> out) {
  std::size_t done = 0;
  while (done < out.size()) {
    iovec local{out.data() + done, std::min(out.size() - done, chunk_bytes)};
    iovec remote{reinterpret_cast<void*>(address + done), local.iov_len};
    const ssize_t got = process_vm_readv(pid, &local, 1, &remote, 1, 0);
    if (got <= 0) return {done, got < 0 ? errno : EFAULT};
    done += static_cast<std::size_t>(got);
  }
  return {done, 0};
}

}  // namespace afterimage
