#include "os/pages.h"

#include <cerrno>
#include <sys/mman.h>

namespace afterimage::os {

int reserve_at(std::uintptr_t address, std::size_t bytes) noexcept {
  void* const wanted = reinterpret_cast<void*>(address);
  void* const mapped = ::mmap(wanted, bytes, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
  if (mapped == MAP_FAILED) return errno;
  if (mapped != wanted) {  // kernels before 4.17 take the address as a hint only
    ::munmap(mapped, bytes);
    return EEXIST;
  }
  ::madvise(mapped, bytes, MADV_NOHUGEPAGE);  // fails on kernels without huge pages: then all is well already
  // A core would hold all of it, if only as a hole: 64 GiB that a pipe to a crash handler has to carry.
  ::madvise(mapped, bytes, MADV_DONTDUMP);
  return 0;
}

void include_in_cores(std::uintptr_t address, std::size_t bytes) noexcept {
  const int error = errno;
  ::madvise(reinterpret_cast<void*>(address), bytes, MADV_DODUMP);
  errno = error;
}

void release(std::uintptr_t address, std::size_t bytes) noexcept {
  ::munmap(reinterpret_cast<void*>(address), bytes);
}

}  // namespace afterimage::os
