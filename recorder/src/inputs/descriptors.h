// inputs/descriptors.h: what the calls on descriptors and streams have in common.
#pragma once
#include <sys/uio.h>
#include <unistd.h>

#include "inputs/intercept.h"

namespace afterimage::inputs {

// Descriptors of files opened by react() while IoPolicy::pass_files_through; others are logged under either policy.
inline constexpr int kPassedThroughDescriptors = 4096;
extern bool g_passed_through[kPassedThroughDescriptors];

inline void note_passed_through(int file, bool passed) noexcept {
  if (file >= 0 && file < kPassedThroughDescriptors) g_passed_through[file] = passed;
}

inline std::uint16_t flags_of(int file) noexcept {
  const bool passed = file >= 0 && file < kPassedThroughDescriptors && g_passed_through[file];
  return passed ? std::uint16_t{format::kPassedThrough} : std::uint16_t{0};
}

inline bool is_for_people(int file) noexcept { return file == STDOUT_FILENO || file == STDERR_FILENO; }

// In the replay, what the program has to say is heard, too. What becomes of it is in the log.
template <typename Write>
void show(Write write) {
  if (replay_hooks != nullptr && in_event()) write();
}

inline std::size_t bytes_in(const iovec* pieces, int count) noexcept {
  std::size_t bytes = 0;
  for (int i = 0; i < count; ++i) bytes += pieces[i].iov_len;
  return bytes;
}

// The first `got` bytes of the pieces, one after another.
template <typename Visit>
void for_pieces(const iovec* pieces, int count, ssize_t got, Visit&& visit) {
  for (int i = 0; i < count && got > 0; ++i) {
    const std::size_t left = static_cast<std::size_t>(got);
    const std::size_t bytes = pieces[i].iov_len < left ? pieces[i].iov_len : left;
    visit(pieces[i].iov_base, bytes);
    got -= static_cast<ssize_t>(bytes);
  }
}

inline Call with_pieces(Call call, const iovec* pieces, int count) noexcept {
  for (int i = 0; i < count; ++i) call.with(pieces[i].iov_base, pieces[i].iov_len);
  return call;
}

}  // namespace afterimage::inputs
