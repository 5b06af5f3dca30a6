// Calls by which react() asks the world for something, as inputs in the log (FORMAT.md §4, input kinds 3 and 4).
//
// The numbers are on disk: new calls are added with new numbers, none is given twice. Functions that differ only in the
// width of an offset or in checks made by the compiler (open64, __read_chk) have the number of the plain one.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "base/hash.h"

namespace afterimage::format {

// X(number, name)
#define AFTERIMAGE_CALLS(X)                                                                                            \
  X(1, clock_gettime) X(2, gettimeofday) X(3, time) X(4, clock) X(5, times) X(6, getrusage) X(7, timespec_get)          \
  X(8, nanosleep) X(9, clock_nanosleep) X(10, usleep) X(11, sleep) X(12, localtime) X(13, mktime) X(14, clock_getres)   \
  X(32, getrandom) X(33, getentropy) X(34, arc4random) X(35, arc4random_buf) X(36, arc4random_uniform) X(37, rand)      \
  X(38, srand) X(39, random) X(40, srandom) X(41, drand48) X(42, lrand48) X(43, mrand48) X(44, srand48)                 \
  X(45, random_device)                                                                                                 \
  X(64, getpid) X(65, getppid) X(66, gettid) X(67, pthread_self) X(68, sched_getcpu) X(69, gethostname) X(70, uname)    \
  X(71, sysconf) X(72, get_nprocs) X(73, getuid) X(74, geteuid) X(75, getgid) X(76, getegid) X(77, getpgrp)             \
  X(78, syscall) X(79, sched_getaffinity) X(80, getcpu)                                                                \
  X(96, getenv) X(97, setenv) X(98, unsetenv) X(99, getcwd) X(100, chdir) X(101, putenv)                                \
  X(128, open) X(129, openat) X(130, creat) X(131, close) X(132, read) X(133, pread) X(134, readv) X(135, write)        \
  X(136, pwrite) X(137, writev) X(138, lseek) X(139, stat) X(140, lstat) X(141, fstat) X(142, fstatat) X(143, access)   \
  X(144, unlink) X(145, rename) X(146, mkdir) X(147, rmdir) X(148, ftruncate) X(149, truncate) X(150, fsync)            \
  X(151, fdatasync) X(152, readlink) X(153, dup) X(154, dup2) X(155, pipe) X(156, ioctl) X(157, poll) X(158, statx)     \
  X(159, opendir) X(160, fdopendir) X(161, readdir) X(162, closedir) X(163, remove)                                     \
  X(192, socket) X(193, connect) X(194, bind) X(195, listen) X(196, accept) X(197, accept4) X(198, send)                \
  X(199, sendto) X(200, sendmsg) X(201, recv) X(202, recvfrom) X(203, recvmsg) X(204, shutdown) X(205, getsockopt)      \
  X(206, setsockopt) X(207, getsockname) X(208, getpeername)                                                           \
  X(224, fopen) X(225, fdopen) X(226, fclose) X(227, fread) X(228, fwrite) X(229, fgets) X(230, fgetc) X(231, fputs)    \
  X(232, fputc) X(233, puts) X(234, printf) X(235, fprintf) X(236, fflush) X(237, fseek) X(238, ftell) X(239, rewind)   \
  X(240, feof) X(241, ferror) X(242, fileno) X(243, getline) X(244, ungetc) X(245, clearerr) X(246, fscanf)                            \
  X(256, system) X(257, fork) X(258, posix_spawn) X(259, popen) X(260, pclose) X(261, waitpid)                           \
  X(1024, input)                                                                                                       \
  X(1040, failure)

enum class CallId : std::uint16_t {
#define AFTERIMAGE_CALL_NUMBER(number, name) name = number,
  AFTERIMAGE_CALLS(AFTERIMAGE_CALL_NUMBER)
#undef AFTERIMAGE_CALL_NUMBER
};

inline const char* name_of(CallId id) noexcept {
  switch (id) {
#define AFTERIMAGE_CALL_NAME(number, name) \
  case CallId::name: return #name;
    AFTERIMAGE_CALLS(AFTERIMAGE_CALL_NAME)
#undef AFTERIMAGE_CALL_NAME
  }
  return "an unknown call";
}

// The head of an input record of kind `call`; `shown_bytes` of arguments to show and then the bytes that the call
// returned through pointers follow it.
struct CallHeader {
  std::uint16_t call;         // CallId
  std::uint16_t flags;        // CallFlags
  std::int32_t error;         // errno after the call
  std::uint64_t site;         // the address it returned to; modules are at the same addresses in the replay
  std::uint64_t result;       // what it returned: a number, a pointer, or the bits of a double
  std::uint64_t arguments;    // hash of what was passed in; of outputs also of the bytes
  std::uint32_t shown_bytes;  // the beginning of a path, a name or written data
  std::uint32_t reserved;

  CallId id() const noexcept { return static_cast<CallId>(call); }
};
static_assert(sizeof(CallHeader) == 40);

// Not a call but what went wrong inside react(): `shown` is a sentence about it.
inline bool is_failure(std::span<const std::byte> record) noexcept {
  std::uint16_t call = 0;
  if (record.size() >= sizeof call) std::memcpy(&call, record.data(), sizeof call);
  return call == static_cast<std::uint16_t>(CallId::failure);
}

// The `arguments` of a failure: "abort" and "assertion" end the process.
inline std::uint64_t failure_kind(std::string_view kind) noexcept { return hash_bytes(0, kind.data(), kind.size()); }

enum CallFlags : std::uint16_t {
  kPassedThrough = 1,  // not served in the replay but made again; `arguments` and the returned bytes' hash are compared
  kOutput = 2,         // it changes the world: never made again in the replay
  kCallThrew = 4,      // the function of afterimage::input threw an exception
  kStandardError = 8,  // a call on standard error
};

// One record, taken apart. Empty spans when it is cut short.
struct CallRecord {
  CallHeader header{};
  std::span<const std::byte> shown, bytes;

  explicit CallRecord(std::span<const std::byte> data = {}) noexcept {
    if (data.size() < sizeof header) return;
    std::memcpy(&header, data.data(), sizeof header);
    const auto rest = data.subspan(sizeof header);
    if (header.shown_bytes > rest.size()) return;
    shown = rest.first(header.shown_bytes);
    bytes = rest.subspan(header.shown_bytes);
  }
};

}  // namespace afterimage::format
