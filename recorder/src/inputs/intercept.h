// inputs/intercept.h: one call made inside react(), recording or replaying.
//
//     recording    make it, log what it returned: the result, errno, and the bytes it wrote through pointers
//     replaying    do not make it; return what the log has
//     neither      make it
//
// A function in front of the C library's begins with
//
//     if (not_in_reactor()) return real_read(file, data, bytes);      // one look at a thread_local
//     return intercept(Call{...}, Otherwise::fail, [&] { return real_read(file, data, bytes); },
//                      [&](ssize_t got, auto written) { if (got > 0) written(data, got); });
//
// The last function names what the call has written, given its result. It serves both directions: the bytes are read
// when recording and filled in when replaying.
#pragma once
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <iterator>
#include <type_traits>

#include "base/hash.h"
#include "base/replay_mode.h"
#include "heap/current_heap.h"
#include "heap/libc_heap.h"
#include "inputs/hooks.h"
#include "inputs/real.h"

#define AFTERIMAGE_CALL extern "C" __attribute__((visibility("default")))
#define AFTERIMAGE_SITE __builtin_return_address(0)

// A whole function that is given nothing and returns a number.
#define AFTERIMAGE_NUMBER(type, name)                                                                       \
  AFTERIMAGE_CALL type name() noexcept {                                                                    \
    if (not_in_reactor()) return real_##name();                                                             \
    return intercept(Call(CallId::name, AFTERIMAGE_SITE), Otherwise::run, [] { return real_##name(); });    \
  }

namespace afterimage::inputs {

using format::CallId;

inline bool not_in_reactor() noexcept { return t_current_heap.base == 0; }
inline bool in_event() noexcept { return !not_in_reactor() && hooks != nullptr && hooks->in_event(); }

// What to do in a replay for which the log has no answer. Asking the time does no harm; writing to a file does.
enum class Otherwise { run, fail };

inline constexpr std::size_t kShownBytes = 64;

// The call, its place, and what it is given.
struct Call {
  CallId id;
  const void* site;
  std::uint16_t flags = 0;
  std::uint64_t arguments = 0;
  std::span<const std::byte> shown = {};
  bool for_people = false;  // text on standard output or error

  Call(CallId id, const void* site, std::uint16_t flags = 0) noexcept : id(id), site(site), flags(flags) {}

  template <typename Number>
    requires std::is_integral_v<Number> || std::is_enum_v<Number>
  Call& with(Number argument) noexcept {
    arguments = hash_mix(arguments, static_cast<std::uint64_t>(argument));
    return *this;
  }
  // Something to show to people: its beginning is in the log.
  Call& with(const void* data, std::size_t bytes) noexcept {
    arguments = hash_bytes(arguments, data, bytes);
    if (shown.empty()) shown = {static_cast<const std::byte*>(data), bytes < kShownBytes ? bytes : kShownBytes};
    return *this;
  }
  Call& with(const char* text) noexcept { return text != nullptr ? with(text, std::strlen(text)) : with(0); }
  Call& to_people(int file) noexcept {
    for_people = file == STDOUT_FILENO || file == STDERR_FILENO;
    if (file == STDERR_FILENO) flags |= format::kStandardError;
    return *this;
  }
  // A stream or a directory: an address in libc's heap, the same in the replay since it came from the log. The standard streams
  // are libc's own and may be elsewhere in another build's process.
  Call& with_pointer(const void* pointer) noexcept {
    const std::FILE* const standard[] = {stdin, stdout, stderr};
    for (std::uintptr_t i = 0; i < std::size(standard); ++i)
      if (pointer == standard[i]) return with(i);
    return with(reinterpret_cast<std::uintptr_t>(pointer));
  }

  format::CallHeader header() const noexcept {
    return {.call = static_cast<std::uint16_t>(id), .flags = flags, .error = 0, .site = reinterpret_cast<std::uintptr_t>(site),
            .result = 0, .arguments = arguments, .shown_bytes = static_cast<std::uint32_t>(shown.size()), .reserved = 0};
  }
};

template <typename Result>
std::uint64_t bits_of(Result result) noexcept {
  static_assert(sizeof(Result) <= 8);
  std::uint64_t bits = 0;
  std::memcpy(&bits, &result, sizeof result);
  return bits;
}

template <typename Result>
Result from_bits(std::uint64_t bits) noexcept {
  Result result;
  std::memcpy(&result, &bits, sizeof result);
  return result;
}

// A record on its way to the log: short ones on the stack, others in libc's heap.
class RecordBuffer {
 public:
  explicit RecordBuffer(const Call& call) noexcept {
    const format::CallHeader header = call.header();
    append(&header, sizeof header);
    append(call.shown.data(), call.shown.size());
  }
  ~RecordBuffer() {
    if (data_ != small_) __libc_free(data_);
  }
  RecordBuffer(const RecordBuffer&) = delete;
  RecordBuffer& operator=(const RecordBuffer&) = delete;

  void append(const void* data, std::size_t bytes) noexcept;
  void log(std::uint64_t result, int error, std::uint16_t more_flags = 0) noexcept;

 private:
  bool grow(std::size_t bytes) noexcept;

  alignas(8) std::byte small_[512];
  std::byte* data_ = small_;
  std::size_t bytes_ = 0, capacity_ = sizeof small_;
};

template <typename Result>
Result failed() noexcept {
  errno = EIO;
  if constexpr (std::is_pointer_v<Result>) return nullptr;
  else if constexpr (std::is_unsigned_v<Result>) return Result{0};
  else return static_cast<Result>(-1);
}

// The hash of what a call has written.
template <typename Result, typename Written>
std::uint64_t hash_of_written(Result result, Written& name_written) noexcept {
  std::uint64_t hash = 0;
  name_written(result, [&](void* data, std::size_t bytes) { hash = hash_bytes(hash, data, bytes); });
  return hash;
}

// A file opened again gets the descriptor that it had.
std::uint64_t as_recorded_descriptor(CallId id, std::uint64_t result, std::uint64_t recorded) noexcept;

// A call on a file that was not logged, only compared (FilePolicy::pass_through).
template <typename Run, typename Written>
auto make_again(const Call& call, const format::CallRecord& recorded, Run& run, Written& name_written) -> decltype(run()) {
  using Result = decltype(run());
  const Result result = from_bits<Result>(as_recorded_descriptor(call.id, bits_of(run()), recorded.header.result));
  const int error = errno;
  const std::uint64_t hash = hash_of_written(result, name_written);
  if (bits_of(result) != recorded.header.result || recorded.bytes.size() < sizeof hash ||
      std::memcmp(&hash, recorded.bytes.data(), sizeof hash) != 0)
    hooks->returned_otherwise(call.header(), call.shown, recorded, bits_of(result));
  errno = error;
  return result;
}

// Recording: whether the recorder was told that react() does no such thing.
bool is_forbidden(const Call& call) noexcept;
void note_forbidden(const Call& call) noexcept;

// The call fails instead of being made. The log has it like any other one, so that the replay goes the same way.
template <typename Result>
Result refuse(const Call& call) noexcept {
  note_forbidden(call);
  const Result result = failed<Result>();
  RecordBuffer(call).log(bits_of(result), EPERM);
  errno = EPERM;
  return result;
}

template <typename Run, typename Written>
auto intercept(const Call& call, Otherwise otherwise, Run run, Written name_written) -> decltype(run()) {
  using Result = decltype(run());
  if (!in_event()) return run();
  if (replay_hooks == nullptr) {
    if (is_forbidden(call)) [[unlikely]] return refuse<Result>(call);
    const Result result = run();
    const int error = errno;
    RecordBuffer record(call);
    if ((call.flags & format::kPassedThrough) != 0) {
      const std::uint64_t hash = hash_of_written(result, name_written);
      record.append(&hash, sizeof hash);
    } else {
      name_written(result, [&](void* data, std::size_t bytes) { record.append(data, bytes); });
    }
    record.log(bits_of(result), error);
    errno = error;
    return result;
  }
  format::CallRecord recorded;
  if (!hooks->serve(call.header(), call.shown, recorded)) return otherwise == Otherwise::run ? run() : failed<Result>();
  if ((recorded.header.flags & format::kPassedThrough) != 0) return make_again(call, recorded, run, name_written);
  const Result result = from_bits<Result>(recorded.header.result);
  auto bytes = recorded.bytes;
  name_written(result, [&](void* data, std::size_t count) {
    if (count > bytes.size()) count = bytes.size();
    if (count > 0) std::memcpy(data, bytes.data(), count);
    bytes = bytes.subspan(count);
  });
  errno = recorded.header.error;
  return result;
}

// A call that returns nothing through pointers.
template <typename Run>
auto intercept(const Call& call, Otherwise otherwise, Run run) -> decltype(run()) {
  return intercept(call, otherwise, run, [](auto&&...) {});
}

// The same text at the same place for the rest of the process. In the replay it stands for strings of the recorded process.
const char* interned(std::span<const std::byte> text);

}  // namespace afterimage::inputs
