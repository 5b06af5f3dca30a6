#include "os/pages.h"

#include <cerrno>
#include <sys/mman.h>

namespace afterimage::os {

namespace {

// What the program has said with mlockall(MCL_FUTURE), no call tells; but locked pages cannot be dropped.
bool new_memory_is_locked() noexcept {
  void* const page = ::mmap(nullptr, kPageBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return errno == EAGAIN;
  const bool locked = ::madvise(page, kPageBytes, MADV_DONTNEED) != 0;
  ::munmap(page, kPageBytes);
  return locked;
}

// The kernel has no memory for a mapping that nobody may touch.
void* map_locked(void* wanted, std::size_t bytes, int flags, Locked locked) noexcept {
  void* const mapped = ::mmap(wanted, bytes, PROT_NONE, flags, -1, 0);
  if (mapped == MAP_FAILED) return mapped;
  const bool as_touched = locked == Locked::as_touched;
  if (::munlock(mapped, bytes) == 0 && (!as_touched || ::mlock2(mapped, bytes, MLOCK_ONFAULT) == 0) &&
      ::mprotect(mapped, bytes, PROT_READ | PROT_WRITE) == 0)
    return mapped;
  const int error = errno;
  ::munmap(mapped, bytes);
  errno = error;
  return MAP_FAILED;
}

}  // namespace

void* map_on_touch(void* wanted, std::size_t bytes, int flags, Locked locked) noexcept {
  flags |= MAP_ANONYMOUS | MAP_NORESERVE;
  if (new_memory_is_locked()) return map_locked(wanted, bytes, flags, locked);
  return ::mmap(wanted, bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
}

int reserve_at(std::uintptr_t address, std::size_t bytes) noexcept {
  void* const wanted = reinterpret_cast<void*>(address);
  void* const mapped = map_on_touch(wanted, bytes, MAP_PRIVATE | MAP_FIXED_NOREPLACE, Locked::as_touched);
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
