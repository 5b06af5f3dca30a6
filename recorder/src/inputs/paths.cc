// inputs/paths.cc: what is asked and changed by name, and directories.
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "inputs/descriptors.h"

namespace afterimage::inputs {
namespace {

AFTERIMAGE_REAL(stat)
AFTERIMAGE_REAL(lstat)
AFTERIMAGE_REAL(fstat)
AFTERIMAGE_REAL(fstatat)
AFTERIMAGE_REAL(access)
AFTERIMAGE_REAL(readlink)
AFTERIMAGE_REAL(unlink)
AFTERIMAGE_REAL(remove)
AFTERIMAGE_REAL(rename)
AFTERIMAGE_REAL(mkdir)
AFTERIMAGE_REAL(rmdir)
AFTERIMAGE_REAL(truncate)
AFTERIMAGE_REAL(opendir)
AFTERIMAGE_REAL(fdopendir)
AFTERIMAGE_REAL(readdir)
AFTERIMAGE_REAL(closedir)

static_assert(sizeof(struct stat) == sizeof(struct stat64) && sizeof(dirent) == sizeof(dirent64));

template <typename Run>
int asked_about(const Call& call, struct stat* result, Run run) {
  return intercept(call, Otherwise::fail, run, [&](int status, auto written) { if (status == 0) written(result, sizeof *result); });
}

// Where the replay puts directory entries; libc has them inside of the DIR, which is not there.
dirent* replayed_entry() noexcept {
  static dirent entry;
  return &entry;
}

dirent* readdir_in_react(const void* site, DIR* directory) {
  dirent* entry = replayed_entry();
  const bool found = intercept(
      Call(CallId::readdir, site).with_pointer(directory), Otherwise::fail,
      [&] {
        dirent* const next = real_readdir(directory);
        if (next != nullptr) entry = next;
        return next != nullptr;
      },
      [&](bool ok, auto written) { if (ok) written(entry, sizeof *entry); });
  return found ? entry : nullptr;
}

}  // namespace
}  // namespace afterimage::inputs

using namespace afterimage::inputs;
using afterimage::format::kOutput;

AFTERIMAGE_CALL int stat(const char* __restrict path, struct stat* __restrict result) noexcept {
  if (not_in_reactor()) return real_stat(path, result);
  return asked_about(Call(CallId::stat, AFTERIMAGE_SITE).with(path), result, [&] { return real_stat(path, result); });
}
AFTERIMAGE_CALL int stat64(const char* __restrict path, struct stat64* __restrict result) noexcept {
  struct stat* const same = reinterpret_cast<struct stat*>(result);
  if (not_in_reactor()) return real_stat(path, same);
  return asked_about(Call(CallId::stat, AFTERIMAGE_SITE).with(path), same, [&] { return real_stat(path, same); });
}
AFTERIMAGE_CALL int lstat(const char* __restrict path, struct stat* __restrict result) noexcept {
  if (not_in_reactor()) return real_lstat(path, result);
  return asked_about(Call(CallId::lstat, AFTERIMAGE_SITE).with(path), result, [&] { return real_lstat(path, result); });
}
AFTERIMAGE_CALL int lstat64(const char* __restrict path, struct stat64* __restrict result) noexcept {
  struct stat* const same = reinterpret_cast<struct stat*>(result);
  if (not_in_reactor()) return real_lstat(path, same);
  return asked_about(Call(CallId::lstat, AFTERIMAGE_SITE).with(path), same, [&] { return real_lstat(path, same); });
}
AFTERIMAGE_CALL int fstat(int file, struct stat* result) noexcept {
  if (not_in_reactor()) return real_fstat(file, result);
  return asked_about(Call(CallId::fstat, AFTERIMAGE_SITE).with(file), result, [&] { return real_fstat(file, result); });
}
AFTERIMAGE_CALL int fstat64(int file, struct stat64* result) noexcept {
  struct stat* const same = reinterpret_cast<struct stat*>(result);
  if (not_in_reactor()) return real_fstat(file, same);
  return asked_about(Call(CallId::fstat, AFTERIMAGE_SITE).with(file), same, [&] { return real_fstat(file, same); });
}
AFTERIMAGE_CALL int fstatat(int directory, const char* __restrict path, struct stat* __restrict result, int flags) noexcept {
  if (not_in_reactor()) return real_fstatat(directory, path, result, flags);
  return asked_about(Call(CallId::fstatat, AFTERIMAGE_SITE).with(path).with(directory).with(flags), result,
                     [&] { return real_fstatat(directory, path, result, flags); });
}
AFTERIMAGE_CALL int fstatat64(int directory, const char* __restrict path, struct stat64* __restrict result, int flags) noexcept {
  struct stat* const same = reinterpret_cast<struct stat*>(result);
  if (not_in_reactor()) return real_fstatat(directory, path, same, flags);
  return asked_about(Call(CallId::fstatat, AFTERIMAGE_SITE).with(path).with(directory).with(flags), same,
                     [&] { return real_fstatat(directory, path, same, flags); });
}

AFTERIMAGE_CALL int access(const char* path, int mode) noexcept {
  if (not_in_reactor()) return real_access(path, mode);
  return intercept(Call(CallId::access, AFTERIMAGE_SITE).with(path).with(mode), Otherwise::fail,
                   [&] { return real_access(path, mode); });
}

AFTERIMAGE_CALL ssize_t readlink(const char* __restrict path, char* __restrict target, std::size_t bytes) noexcept {
  if (not_in_reactor()) return real_readlink(path, target, bytes);
  return intercept(
      Call(CallId::readlink, AFTERIMAGE_SITE).with(path).with(bytes), Otherwise::fail,
      [&] { return real_readlink(path, target, bytes); },
      [&](ssize_t got, auto written) { if (got > 0) written(target, static_cast<std::size_t>(got)); });
}

#define AFTERIMAGE_CHANGE(name)                                                                    \
  AFTERIMAGE_CALL int name(const char* path) noexcept {                                            \
    if (not_in_reactor()) return real_##name(path);                                                \
    return intercept(Call(CallId::name, AFTERIMAGE_SITE, kOutput).with(path), Otherwise::fail,     \
                     [&] { return real_##name(path); });                                           \
  }
AFTERIMAGE_CHANGE(unlink)
AFTERIMAGE_CHANGE(remove)
AFTERIMAGE_CHANGE(rmdir)

AFTERIMAGE_CALL int rename(const char* from, const char* to) noexcept {
  if (not_in_reactor()) return real_rename(from, to);
  return intercept(Call(CallId::rename, AFTERIMAGE_SITE, kOutput).with(from).with(to), Otherwise::fail,
                   [&] { return real_rename(from, to); });
}
AFTERIMAGE_CALL int mkdir(const char* path, mode_t mode) noexcept {
  if (not_in_reactor()) return real_mkdir(path, mode);
  return intercept(Call(CallId::mkdir, AFTERIMAGE_SITE, kOutput).with(path).with(mode), Otherwise::fail,
                   [&] { return real_mkdir(path, mode); });
}
AFTERIMAGE_CALL int truncate(const char* path, off_t bytes) noexcept {
  if (not_in_reactor()) return real_truncate(path, bytes);
  return intercept(Call(CallId::truncate, AFTERIMAGE_SITE, kOutput).with(path).with(bytes), Otherwise::fail,
                   [&] { return real_truncate(path, bytes); });
}

AFTERIMAGE_CALL DIR* opendir(const char* path) {
  if (not_in_reactor()) return real_opendir(path);
  return intercept(Call(CallId::opendir, AFTERIMAGE_SITE).with(path), Otherwise::fail, [&] { return real_opendir(path); });
}
AFTERIMAGE_CALL DIR* fdopendir(int file) {
  if (not_in_reactor()) return real_fdopendir(file);
  return intercept(Call(CallId::fdopendir, AFTERIMAGE_SITE).with(file), Otherwise::fail, [&] { return real_fdopendir(file); });
}
AFTERIMAGE_CALL dirent* readdir(DIR* directory) {
  if (not_in_reactor()) return real_readdir(directory);
  return readdir_in_react(AFTERIMAGE_SITE, directory);
}
AFTERIMAGE_CALL dirent64* readdir64(DIR* directory) {
  if (not_in_reactor()) return reinterpret_cast<dirent64*>(real_readdir(directory));
  return reinterpret_cast<dirent64*>(readdir_in_react(AFTERIMAGE_SITE, directory));
}
AFTERIMAGE_CALL int closedir(DIR* directory) {
  if (not_in_reactor()) return real_closedir(directory);
  return intercept(Call(CallId::closedir, AFTERIMAGE_SITE).with_pointer(directory), Otherwise::fail,
                   [&] { return real_closedir(directory); });
}
