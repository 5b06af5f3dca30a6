#include "waits.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "base/raw_syscall.h"

namespace afterimage::check {
namespace {

bool is_zero_time(long pointer) noexcept {
  const auto* const time = reinterpret_cast<const timespec*>(pointer);
  return time != nullptr && time->tv_sec == 0 && time->tv_nsec == 0;  // timeval has the same shape
}

std::optional<Wait> if_true(bool condition, Wait wait) noexcept { return condition ? std::optional(wait) : std::nullopt; }

std::optional<Wait> futex(long operation) noexcept {
  const int command = static_cast<int>(operation) & FUTEX_CMD_MASK;
  return if_true(command == FUTEX_WAIT || command == FUTEX_WAIT_BITSET || command == FUTEX_LOCK_PI ||
                     command == FUTEX_LOCK_PI2 || command == FUTEX_WAIT_REQUEUE_PI,
                 Wait::lock);
}

// Reading or writing: of a pipe, socket or terminal that is not set to non-blocking, or of a file.
std::optional<Wait> transfer(long file) noexcept {
  struct stat info {};
  if (raw_syscall(SYS_fstat, file, reinterpret_cast<long>(&info)) < 0) return std::nullopt;
  if (S_ISREG(info.st_mode)) return Wait::file;
  return if_true((raw_syscall(SYS_fcntl, file, F_GETFL) & O_NONBLOCK) == 0, Wait::peer);
}

std::optional<Wait> message(long file, long flags) noexcept {
  return (flags & MSG_DONTWAIT) != 0 ? std::nullopt : transfer(file);
}

// What the program prints may wait for its reader; nobody will call that a mistake.
std::optional<Wait> output(long file) noexcept { return file == 1 || file == 2 ? std::nullopt : transfer(file); }

}  // namespace

std::optional<Wait> may_wait(const SystemCall& call) noexcept {
  const long* const a = call.arguments;
  switch (call.number) {
    case SYS_futex: return futex(a[1]);
    case SYS_nanosleep: case SYS_pause: case SYS_rt_sigsuspend: return Wait::sleep;
    case SYS_clock_nanosleep: return Wait::sleep;
    case SYS_poll: return if_true(a[2] != 0, Wait::peer);
    case SYS_ppoll: return if_true(!is_zero_time(a[2]), Wait::peer);
    case SYS_select: case SYS_pselect6: return if_true(!is_zero_time(a[4]), Wait::peer);
    case SYS_epoll_wait: case SYS_epoll_pwait: return if_true(a[3] != 0, Wait::peer);
    case SYS_rt_sigtimedwait: return if_true(!is_zero_time(a[2]), Wait::peer);
    case SYS_accept: case SYS_accept4: case SYS_connect: return transfer(a[0]);
    case SYS_recvfrom: case SYS_sendto: return message(a[0], a[3]);
    case SYS_recvmsg: case SYS_sendmsg: return message(a[0], a[2]);
    case SYS_read: case SYS_readv: case SYS_pread64: case SYS_preadv: return transfer(a[0]);
    case SYS_write: case SYS_writev: case SYS_pwrite64: case SYS_pwritev: return output(a[0]);
    case SYS_fsync: case SYS_fdatasync: case SYS_sync: case SYS_syncfs: case SYS_msync: return Wait::file;
    case SYS_flock: return if_true((a[1] & LOCK_NB) == 0, Wait::lock);
    case SYS_fcntl: return if_true(a[1] == F_SETLKW || a[1] == F_OFD_SETLKW, Wait::lock);
    case SYS_wait4: return if_true((a[2] & WNOHANG) == 0, Wait::child);
    case SYS_waitid: return if_true((a[3] & WNOHANG) == 0, Wait::child);
    default: return std::nullopt;
  }
}

}  // namespace afterimage::check
