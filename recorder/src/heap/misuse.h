// heap/misuse.h: what goes wrong with a reactor's memory is said on stderr, and to whoever keeps the log.
#pragma once
#include <string_view>

#include "afterimage/safe_ptr.h"

namespace afterimage {

// `kind` is the same in every build of the program, the sentence has addresses. Set by inputs/failures.cc.
using FailureListener = void(const char* kind, std::string_view sentence, const void* site) noexcept;
extern constinit FailureListener* failure_listener __attribute__((visibility("hidden")));

inline void note_failure(const char* kind, std::string_view sentence, const void* site) noexcept {
  if (failure_listener != nullptr) failure_listener(kind, sentence, site);
}

// A pointer that had `id` was used at `site`, but its block has another one by now.
void report_dangling(detail::Misuse misuse, const void* address, const detail::BlockId& id, const void* site) noexcept;

}  // namespace afterimage
