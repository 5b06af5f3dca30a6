// inputs/files.cc: files and their descriptors.
//
// What is read is logged and served; what is written is an output: hashed, compared, and not written again. Descriptors
// in the replay are numbers from the log, behind which there is nothing. Text for people is the exception: what goes to
// standard output and standard error is shown by the replayer, too.
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>

#include "inputs/descriptors.h"

namespace afterimage::inputs {

bool g_passed_through[kPassedThroughDescriptors];

namespace {

AFTERIMAGE_REAL(open)
AFTERIMAGE_REAL(openat)
AFTERIMAGE_REAL(creat)
AFTERIMAGE_REAL(close)
AFTERIMAGE_REAL(read)
AFTERIMAGE_REAL(pread)
AFTERIMAGE_REAL(readv)
AFTERIMAGE_REAL(write)
AFTERIMAGE_REAL(pwrite)
AFTERIMAGE_REAL(writev)
AFTERIMAGE_REAL(lseek)
AFTERIMAGE_REAL(ftruncate)
AFTERIMAGE_REAL(fsync)
AFTERIMAGE_REAL(fdatasync)
AFTERIMAGE_REAL(dup)
AFTERIMAGE_REAL(dup2)
AFTERIMAGE_REAL(pipe)
AFTERIMAGE_REAL(ioctl)
AFTERIMAGE_REAL(poll)

bool needs_mode(int flags) noexcept { return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE; }

template <typename Run>
int opened(const Call& call, int flags, Run run) {
  const bool reads_only = (flags & (O_ACCMODE | O_CREAT | O_TRUNC)) == O_RDONLY;
  Call asked = call;
  if (!reads_only) asked.flags = format::kOutput;
  else if (replay_hooks == nullptr && in_event() && hooks->policy() == IoPolicy::pass_files_through) asked.flags = format::kPassedThrough;
  const int file = intercept(asked, Otherwise::fail, run);
  note_passed_through(file, asked.flags == format::kPassedThrough);
  return file;
}

int open_in_react(const void* site, const char* path, int flags, mode_t mode) {
  return opened(Call(CallId::open, site).with(path).with(flags).with(mode), flags, [&] { return real_open(path, flags, mode); });
}

int openat_in_react(const void* site, int directory, const char* path, int flags, mode_t mode) {
  return opened(Call(CallId::openat, site).with(path).with(directory).with(flags).with(mode), flags,
                [&] { return real_openat(directory, path, flags, mode); });
}

ssize_t read_in_react(const void* site, int file, void* data, std::size_t bytes) {
  return intercept(
      Call(CallId::read, site, flags_of(file)).with(file).with(bytes), Otherwise::fail, [&] { return real_read(file, data, bytes); },
      [&](ssize_t got, auto written) { if (got > 0) written(data, static_cast<std::size_t>(got)); });
}

ssize_t pread_in_react(const void* site, int file, void* data, std::size_t bytes, off_t offset) {
  return intercept(
      Call(CallId::pread, site, flags_of(file)).with(file).with(bytes).with(offset), Otherwise::fail,
      [&] { return real_pread(file, data, bytes, offset); },
      [&](ssize_t got, auto written) { if (got > 0) written(data, static_cast<std::size_t>(got)); });
}

ssize_t pwrite_in_react(const void* site, int file, const void* data, std::size_t bytes, off_t offset) {
  return intercept(Call(CallId::pwrite, site, format::kOutput).with(data, bytes).with(file).with(offset), Otherwise::fail,
                   [&] { return real_pwrite(file, data, bytes, offset); });
}

off_t lseek_in_react(const void* site, int file, off_t offset, int whence) {
  return intercept(Call(CallId::lseek, site, flags_of(file)).with(file).with(offset).with(whence), Otherwise::fail,
                   [&] { return real_lseek(file, offset, whence); });
}

mode_t mode_argument(int flags, va_list list) noexcept { return needs_mode(flags) ? va_arg(list, mode_t) : 0; }

}  // namespace
}  // namespace afterimage::inputs

using namespace afterimage::inputs;
using afterimage::replay_hooks;
using afterimage::format::kOutput;

#define AFTERIMAGE_MODE(last)                        \
  va_list list;                                      \
  va_start(list, last);                              \
  const mode_t mode = mode_argument(flags, list);    \
  va_end(list)

AFTERIMAGE_CALL int open(const char* path, int flags, ...) {
  AFTERIMAGE_MODE(flags);
  if (not_in_reactor()) return real_open(path, flags, mode);
  return open_in_react(AFTERIMAGE_SITE, path, flags, mode);
}
AFTERIMAGE_CALL int open64(const char* path, int flags, ...) {
  AFTERIMAGE_MODE(flags);
  if (not_in_reactor()) return real_open(path, flags | O_LARGEFILE, mode);
  return open_in_react(AFTERIMAGE_SITE, path, flags, mode);
}
AFTERIMAGE_CALL int openat(int directory, const char* path, int flags, ...) {
  AFTERIMAGE_MODE(flags);
  if (not_in_reactor()) return real_openat(directory, path, flags, mode);
  return openat_in_react(AFTERIMAGE_SITE, directory, path, flags, mode);
}
AFTERIMAGE_CALL int openat64(int directory, const char* path, int flags, ...) {
  AFTERIMAGE_MODE(flags);
  if (not_in_reactor()) return real_openat(directory, path, flags | O_LARGEFILE, mode);
  return openat_in_react(AFTERIMAGE_SITE, directory, path, flags, mode);
}
// What the two are called without a mode in programs built with _FORTIFY_SOURCE.
AFTERIMAGE_CALL int __open_2(const char* path, int flags) {
  if (not_in_reactor()) return real_open(path, flags);
  return open_in_react(AFTERIMAGE_SITE, path, flags, 0);
}
AFTERIMAGE_CALL int __open64_2(const char* path, int flags) {
  if (not_in_reactor()) return real_open(path, flags);
  return open_in_react(AFTERIMAGE_SITE, path, flags, 0);
}
AFTERIMAGE_CALL int __openat_2(int directory, const char* path, int flags) {
  if (not_in_reactor()) return real_openat(directory, path, flags);
  return openat_in_react(AFTERIMAGE_SITE, directory, path, flags, 0);
}

AFTERIMAGE_CALL int creat(const char* path, mode_t mode) {
  if (not_in_reactor()) return real_creat(path, mode);
  return intercept(Call(CallId::creat, AFTERIMAGE_SITE, kOutput).with(path).with(mode), Otherwise::fail,
                   [&] { return real_creat(path, mode); });
}

AFTERIMAGE_CALL int close(int file) {
  if (not_in_reactor()) return real_close(file);
  const auto flags = flags_of(file);
  note_passed_through(file, false);
  return intercept(Call(CallId::close, AFTERIMAGE_SITE, flags).with(file), Otherwise::fail, [&] { return real_close(file); });
}

AFTERIMAGE_CALL ssize_t read(int file, void* data, std::size_t bytes) {
  if (not_in_reactor()) return real_read(file, data, bytes);
  return read_in_react(AFTERIMAGE_SITE, file, data, bytes);
}
AFTERIMAGE_CALL ssize_t __read_chk(int file, void* data, std::size_t bytes, std::size_t room) {
  if (bytes > room) __builtin_trap();
  if (not_in_reactor()) return real_read(file, data, bytes);
  return read_in_react(AFTERIMAGE_SITE, file, data, bytes);
}

AFTERIMAGE_CALL ssize_t pread(int file, void* data, std::size_t bytes, off_t offset) {
  if (not_in_reactor()) return real_pread(file, data, bytes, offset);
  return pread_in_react(AFTERIMAGE_SITE, file, data, bytes, offset);
}
AFTERIMAGE_CALL ssize_t pread64(int file, void* data, std::size_t bytes, off64_t offset) {
  if (not_in_reactor()) return real_pread(file, data, bytes, offset);
  return pread_in_react(AFTERIMAGE_SITE, file, data, bytes, offset);
}

AFTERIMAGE_CALL ssize_t readv(int file, const iovec* pieces, int count) {
  if (not_in_reactor()) return real_readv(file, pieces, count);
  return intercept(
      Call(CallId::readv, AFTERIMAGE_SITE, flags_of(file)).with(file).with(bytes_in(pieces, count)), Otherwise::fail,
      [&] { return real_readv(file, pieces, count); },
      [&](ssize_t got, auto written) { for_pieces(pieces, count, got, written); });
}

AFTERIMAGE_CALL ssize_t write(int file, const void* data, std::size_t bytes) {
  if (not_in_reactor()) return real_write(file, data, bytes);
  if (is_for_people(file)) show([&] { return real_write(file, data, bytes); });
  return intercept(Call(CallId::write, AFTERIMAGE_SITE, kOutput).with(data, bytes).with(file).to_people(file), Otherwise::fail,
                   [&] { return real_write(file, data, bytes); });
}

AFTERIMAGE_CALL ssize_t pwrite(int file, const void* data, std::size_t bytes, off_t offset) {
  if (not_in_reactor()) return real_pwrite(file, data, bytes, offset);
  return pwrite_in_react(AFTERIMAGE_SITE, file, data, bytes, offset);
}
AFTERIMAGE_CALL ssize_t pwrite64(int file, const void* data, std::size_t bytes, off64_t offset) {
  if (not_in_reactor()) return real_pwrite(file, data, bytes, offset);
  return pwrite_in_react(AFTERIMAGE_SITE, file, data, bytes, offset);
}

AFTERIMAGE_CALL ssize_t writev(int file, const iovec* pieces, int count) {
  if (not_in_reactor()) return real_writev(file, pieces, count);
  if (is_for_people(file)) show([&] { return real_writev(file, pieces, count); });
  return intercept(with_pieces(Call(CallId::writev, AFTERIMAGE_SITE, kOutput), pieces, count).with(file).to_people(file),
                   Otherwise::fail,
                   [&] { return real_writev(file, pieces, count); });
}

AFTERIMAGE_CALL off_t lseek(int file, off_t offset, int whence) noexcept {
  if (not_in_reactor()) return real_lseek(file, offset, whence);
  return lseek_in_react(AFTERIMAGE_SITE, file, offset, whence);
}
AFTERIMAGE_CALL off64_t lseek64(int file, off64_t offset, int whence) noexcept {
  if (not_in_reactor()) return real_lseek(file, offset, whence);
  return lseek_in_react(AFTERIMAGE_SITE, file, offset, whence);
}

AFTERIMAGE_CALL int ftruncate(int file, off_t bytes) noexcept {
  if (not_in_reactor()) return real_ftruncate(file, bytes);
  return intercept(Call(CallId::ftruncate, AFTERIMAGE_SITE, kOutput).with(file).with(bytes), Otherwise::fail,
                   [&] { return real_ftruncate(file, bytes); });
}
AFTERIMAGE_CALL int fsync(int file) {
  if (not_in_reactor()) return real_fsync(file);
  return intercept(Call(CallId::fsync, AFTERIMAGE_SITE, kOutput).with(file), Otherwise::fail, [&] { return real_fsync(file); });
}
AFTERIMAGE_CALL int fdatasync(int file) {
  if (not_in_reactor()) return real_fdatasync(file);
  return intercept(Call(CallId::fdatasync, AFTERIMAGE_SITE, kOutput).with(file), Otherwise::fail,
                   [&] { return real_fdatasync(file); });
}

AFTERIMAGE_CALL int dup(int file) noexcept {
  if (not_in_reactor()) return real_dup(file);
  return intercept(Call(CallId::dup, AFTERIMAGE_SITE).with(file), Otherwise::fail, [&] { return real_dup(file); });
}
AFTERIMAGE_CALL int dup2(int file, int wanted) noexcept {
  if (not_in_reactor()) return real_dup2(file, wanted);
  return intercept(Call(CallId::dup2, AFTERIMAGE_SITE, kOutput).with(file).with(wanted), Otherwise::fail,
                   [&] { return real_dup2(file, wanted); });
}
AFTERIMAGE_CALL int pipe(int files[2]) noexcept {
  if (not_in_reactor()) return real_pipe(files);
  return intercept(
      Call(CallId::pipe, AFTERIMAGE_SITE), Otherwise::fail, [&] { return real_pipe(files); },
      [&](int result, auto written) { if (result == 0) written(files, 2 * sizeof *files); });
}

// How much an ioctl writes depends on the request; of the usual ones it is in the request itself.
AFTERIMAGE_CALL int ioctl(int file, unsigned long request, ...) noexcept {
  va_list list;
  va_start(list, request);
  void* const argument = va_arg(list, void*);
  va_end(list);
  if (not_in_reactor()) return real_ioctl(file, request, argument);
  const std::size_t bytes = request == FIONREAD ? sizeof(int) : request == TIOCGWINSZ ? sizeof(winsize)
                            : (request >> 30 & _IOC_READ) != 0 ? request >> 16 & 0x3FFF : 0;
  return intercept(
      Call(CallId::ioctl, AFTERIMAGE_SITE).with(file).with(request), Otherwise::fail,
      [&] { return real_ioctl(file, request, argument); },
      [&](int result, auto written) { if (result >= 0 && argument != nullptr) written(argument, bytes); });
}

AFTERIMAGE_CALL int poll(pollfd* files, nfds_t count, int timeout) {
  if (not_in_reactor()) return real_poll(files, count, timeout);
  return intercept(
      Call(CallId::poll, AFTERIMAGE_SITE).with(count).with(timeout), Otherwise::fail, [&] { return real_poll(files, count, timeout); },
      [&](int result, auto written) { if (result >= 0) written(files, count * sizeof *files); });
}
