#include "inputs/intercept.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <iterator>
#include <set>
#include <string>

#include "afterimage/heap.h"
#include "base/out_of_memory.h"
#include "base/raw_log.h"
#include "base/raw_syscall.h"
#include "os/symbols.h"

namespace afterimage::inputs {

bool RecordBuffer::grow(std::size_t bytes) noexcept {
  const std::size_t capacity = 2 * (bytes_ + bytes);
  auto* const data = static_cast<std::byte*>(__libc_malloc(capacity));
  if (data == nullptr) return false;  // the record is cut short; a replay will say that this call differs
  std::memcpy(data, data_, bytes_);
  if (data_ != small_) __libc_free(data_);
  data_ = data;
  capacity_ = capacity;
  return true;
}

void RecordBuffer::append(const void* data, std::size_t bytes) noexcept {
  if (bytes == 0) return;
  if (bytes > capacity_ - bytes_ && !grow(bytes)) return;
  std::memcpy(data_ + bytes_, data, bytes);
  bytes_ += bytes;
}

void RecordBuffer::log(std::uint64_t result, int error, std::uint16_t more_flags) noexcept {
  format::CallHeader header;
  std::memcpy(&header, data_, sizeof header);
  header.result = result;
  header.error = error;
  header.flags = static_cast<std::uint16_t>(header.flags | more_flags);
  std::memcpy(data_, &header, sizeof header);
  hooks->log({data_, bytes_});
}

bool is_forbidden(const Call& call) noexcept {
  const bool is_io = call.id >= CallId::open && call.id <= CallId::waitpid;
  return is_io && !call.for_people && hooks->policy() == IoPolicy::forbid;
}

// Once for each place.
void note_forbidden(const Call& call) noexcept {
  const OutsideScope outside;
  static constinit std::atomic<const void*> told[16] = {};
  for (auto& place : told) {
    const void* known = nullptr;
    if (place.compare_exchange_strong(known, call.site)) break;
    if (known == call.site || &place == std::end(told) - 1) return;
  }
  std::string place = "?";
  (void)finds_memory([&] { place = os::code_name(reinterpret_cast<std::uintptr_t>(call.site)); });
  RawLine line;
  line.text(format::name_of(call.id)).text("() in react() at ").text(place.c_str());
  line.text(" was refused: this recorder was opened with Io::forbid").print();
}

// Past our own functions: it is not react() that asks.
std::uint64_t as_recorded_descriptor(CallId id, std::uint64_t result, std::uint64_t recorded) noexcept {
  const auto file = static_cast<int>(result), wanted = static_cast<int>(recorded);
  if ((id != CallId::open && id != CallId::openat) || file < 0 || wanted < 0 || file == wanted) return result;
  const long flags = raw_syscall(SYS_fcntl, file, F_GETFD);
  if (raw_syscall(SYS_fcntl, wanted, F_GETFD) >= 0) return result;  // the replayer itself has something there
  if (raw_syscall(SYS_dup3, file, wanted, (flags & FD_CLOEXEC) != 0 ? O_CLOEXEC : 0) != wanted) return result;
  raw_syscall(SYS_close, file);
  return recorded;
}

const char* interned(std::span<const std::byte> text) {
  const OutsideScope outside;
  static auto* const strings = new std::set<std::string>;
  return strings->emplace(reinterpret_cast<const char*>(text.data()), text.size()).first->c_str();
}

}  // namespace afterimage::inputs
