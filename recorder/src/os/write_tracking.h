// os/write_tracking.h: how the kernel tells which pages were written (userfaultfd, PAGEMAP_SCAN).
//
// Debian 12's headers know neither the asynchronous mode (Linux 6.7) nor the scan; the numbers are the kernel's ABI.
// Errors are errno values, 0 is success. Nothing here allocates or throws.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/file_descriptor.h"

namespace afterimage::os {

// A userfaultfd for write protection: of anonymous memory, in asynchronous mode of any.
class Userfault {
 public:
  enum class Mode {
    asynchronous,  // the kernel lets each write through and remembers the page; any user may
    user_writes,   // a writing thread waits until its fault was read and answered; system calls that write get EFAULT
    all_writes,    // system calls wait as well; needs a privilege
  };
  // Of the Mode, ENOSYS or EINVAL when this kernel cannot, EPERM when this process may not.
  [[nodiscard]] int open(Mode mode) noexcept;
  bool is_open() const noexcept { return file_.valid(); }
  void move_out_of_the_way() noexcept { file_.move_out_of_the_way(); }

  [[nodiscard]] int watch(std::uintptr_t address, std::size_t bytes) noexcept;  // may be repeated
  [[nodiscard]] int protect(std::uintptr_t address, std::size_t bytes) noexcept;
  [[nodiscard]] int release(std::uintptr_t address, std::size_t bytes) noexcept;  // wakes who waits there

  // The addresses at which threads wait, at most as many as fit. Returns at once.
  std::size_t read_faults(std::span<std::uintptr_t> addresses) noexcept;

 private:
  int set_protection(std::uintptr_t address, std::size_t bytes, bool on) noexcept;

  FileDescriptor file_;
};

// A run of pages alike, in the form of the kernel.
struct PageRun {
  std::uint64_t begin, end;
  std::uint64_t categories;

  std::uintptr_t address() const noexcept { return static_cast<std::uintptr_t>(begin); }
  std::size_t bytes() const noexcept { return static_cast<std::size_t>(end - begin); }
};

// Finds the pages written since they were last armed; pages never armed count as written.
class WrittenPages {
 public:
  enum class Which {
    written,          // armed or not, used or not
    own,              // of a private mapping: those that writing has made this process's own, whenever that was; not to be armed
    own_and_written,
  };
  WrittenPages() = default;
  WrittenPages(const WrittenPages&) = delete;
  WrittenPages& operator=(const WrittenPages&) = delete;
  ~WrittenPages();

  // EACCES when /proc/self/pagemap may not be read, ENOTTY before Linux 6.7.
  [[nodiscard]] int open() noexcept;
  void move_out_of_the_way() noexcept { pagemap_.move_out_of_the_way(); }

  // f(const PageRun&), ascending; with `arm` each is armed again before f sees it, so that a write during f is found by the next scan.
  // Stops when f returns false.
  template <class F>
  [[nodiscard]] int scan(Which which, std::uintptr_t address, std::size_t bytes, bool arm, F&& f) const {
    for (std::uint64_t at = address, end = address + bytes; at < end;) {
      const long count = scan_some(which, at, end, arm);
      if (count < 0) return static_cast<int>(-count);
      for (long i = 0; i < count; ++i)
        if (!f(runs_[i])) return 0;
    }
    return 0;
  }

 private:
  long scan_some(Which which, std::uint64_t& at, std::uint64_t end, bool arm) const noexcept;

  FileDescriptor pagemap_;
  PageRun* runs_ = nullptr;
};

}  // namespace afterimage::os
