#include "os/write_tracking.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace afterimage::os {
namespace {

constexpr std::uint64_t kWpUnpopulated = 1 << 13;  // UFFD_FEATURE_WP_UNPOPULATED, Linux 6.4
constexpr std::uint64_t kWpAsync = 1 << 15;        // UFFD_FEATURE_WP_ASYNC, Linux 6.7
constexpr int kUserModeOnly = 1;                   // UFFD_USER_MODE_ONLY, Linux 5.11

struct ScanArguments {  // struct pm_scan_arg
  std::uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
  std::uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
};
constexpr auto kPagemapScan = _IOWR('f', 16, ScanArguments);
constexpr std::uint64_t kPageIsWritten = 1 << 1, kPageIsOfFile = 1 << 2, kPageIsPresent = 1 << 3, kPageIsSwapped = 1 << 4;
constexpr std::uint64_t kPageIsSharedZeroes = 1 << 5;
constexpr std::uint64_t kOwn = kPageIsPresent | kPageIsSwapped, kNotOwn = kPageIsOfFile | kPageIsSharedZeroes;
constexpr std::uint64_t kArmMatching = 1 << 0;      // PM_SCAN_WP_MATCHING
constexpr std::uint64_t kCheckIsTracked = 1 << 1;   // PM_SCAN_CHECK_WPASYNC

constexpr std::size_t kRuns = 8192;

// Containers forbid the system call; the device does the same for whoever may open it (Linux 6.1).
FileDescriptor new_userfault(int flags) noexcept {
  FileDescriptor file(static_cast<int>(syscall(SYS_userfaultfd, flags)));
  if (file.valid() || errno != EPERM) return file;
  const FileDescriptor device(::open("/dev/userfaultfd", O_RDWR | O_CLOEXEC));
  errno = EPERM;
  if (device.valid()) file = FileDescriptor(ioctl(device.get(), _IO(0xAA, 0) /* USERFAULTFD_IOC_NEW */, flags));
  return file;
}

}  // namespace

int Userfault::open(Mode mode) noexcept {
  FileDescriptor file = new_userfault(O_CLOEXEC | O_NONBLOCK | (mode == Mode::all_writes ? 0 : kUserModeOnly));
  if (!file.valid()) return errno;
  uffdio_api api{};
  api.api = UFFD_API;
  api.features = UFFD_FEATURE_PAGEFAULT_FLAG_WP | kWpUnpopulated | (mode == Mode::asynchronous ? kWpAsync : 0);
  if (ioctl(file.get(), UFFDIO_API, &api) != 0) return errno;
  file_ = static_cast<FileDescriptor&&>(file);
  return 0;
}

int Userfault::watch(std::uintptr_t address, std::size_t bytes) noexcept {
  uffdio_register range{};
  range.range = {address, bytes};
  range.mode = UFFDIO_REGISTER_MODE_WP;
  return ioctl(file_.get(), UFFDIO_REGISTER, &range) == 0 ? 0 : errno;
}

int Userfault::protect(std::uintptr_t address, std::size_t bytes) noexcept { return set_protection(address, bytes, true); }
int Userfault::release(std::uintptr_t address, std::size_t bytes) noexcept { return set_protection(address, bytes, false); }

int Userfault::set_protection(std::uintptr_t address, std::size_t bytes, bool on) noexcept {
  uffdio_writeprotect range{};
  range.range = {address, bytes};
  range.mode = on ? UFFDIO_WRITEPROTECT_MODE_WP : 0;
  while (ioctl(file_.get(), UFFDIO_WRITEPROTECT, &range) != 0)
    if (errno != EAGAIN && errno != EINTR) return errno;  // EAGAIN: the mappings are being changed
  return 0;
}

std::size_t Userfault::read_faults(std::span<std::uintptr_t> addresses) noexcept {
  uffd_msg messages[16];
  const std::size_t wanted = addresses.size() < 16 ? addresses.size() : 16;
  const ssize_t got = read(file_.get(), messages, wanted * sizeof messages[0]);
  std::size_t count = 0;
  for (ssize_t i = 0; i < got / static_cast<ssize_t>(sizeof messages[0]); ++i)
    if (messages[i].event == UFFD_EVENT_PAGEFAULT) addresses[count++] = messages[i].arg.pagefault.address;
  return count;
}

WrittenPages::~WrittenPages() {
  if (runs_ != nullptr) munmap(runs_, kRuns * sizeof(PageRun));
}

int WrittenPages::open() noexcept {
  // Populated: the last scan of a snapshot is part of the pause.
  void* const memory =
      mmap(nullptr, kRuns * sizeof(PageRun), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (memory == MAP_FAILED) return errno;
  runs_ = static_cast<PageRun*>(memory);
  pagemap_ = FileDescriptor(::open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC));
  if (!pagemap_.valid()) return errno;
  std::uint64_t nothing = 0;
  return static_cast<int>(-scan_some(Which::written, nothing, 0, false));
}

long WrittenPages::scan_some(Which which, std::uint64_t& at, std::uint64_t end, bool arm) const noexcept {
  ScanArguments arguments{};
  arguments.size = sizeof arguments;
  arguments.flags = arm ? kArmMatching | kCheckIsTracked : 0;
  arguments.start = at;
  arguments.end = end;
  arguments.vec = reinterpret_cast<std::uintptr_t>(runs_);
  arguments.vec_len = kRuns;
  arguments.category_mask = which == Which::own ? 0 : kPageIsWritten;
  arguments.return_mask = which == Which::written ? kPageIsWritten : kOwn;  // asked for that alone, the kernel takes a shorter way
  if (which != Which::written) {
    arguments.category_inverted = kNotOwn;
    arguments.category_mask |= kNotOwn;
    arguments.category_anyof_mask = kOwn;
  }
  long count;
  do count = ioctl(pagemap_.get(), kPagemapScan, &arguments);
  while (count < 0 && errno == EINTR);
  if (count < 0) return -errno;
  at = arguments.walk_end;
  return count;
}

}  // namespace afterimage::os
