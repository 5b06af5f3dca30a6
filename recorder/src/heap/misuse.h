// heap/misuse.h: what goes wrong with a reactor's memory is said on stderr, and to whoever keeps the log.
#pragma once
#include <string_view>

namespace afterimage {

// `kind` is the same in every build of the program, the sentence has addresses. Set by inputs/failures.cc.
using FailureListener = void(const char* kind, std::string_view sentence, const void* site) noexcept;
extern constinit FailureListener* failure_listener __attribute__((visibility("hidden")));

inline void note_failure(const char* kind, std::string_view sentence, const void* site) noexcept {
  if (failure_listener != nullptr) failure_listener(kind, sentence, site);
}

}  // namespace afterimage
