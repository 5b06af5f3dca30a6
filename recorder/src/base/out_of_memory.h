// When the library itself finds no memory: whoever needed it catches std::bad_alloc, and goes on without. The program
// lives in the same memory, and may be about to free some.
#pragma once
#include <cerrno>
#include <new>

#include "afterimage/status.h"

namespace afterimage {

inline Status out_of_memory() noexcept { return Status(ENOMEM, "no free memory."); }  // fits into std::string itself

// Runs `work`; false when it found no memory.
template <typename Work>
bool finds_memory(Work&& work) noexcept {
  try {
    work();
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

// A sentence, if there is memory for it.
inline Status refusal(int error, const char* sentence) noexcept {
  Status status = out_of_memory();
  (void)finds_memory([&] { status = Status(error, sentence); });
  return status;
}

}  // namespace afterimage
