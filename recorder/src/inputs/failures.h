// inputs/failures.h: what went wrong inside react(), for the log.
#pragma once
#include <string_view>

namespace afterimage::inputs {

// Nothing outside of react(). `kind` is compared by a replay, the sentence is for people.
void note_failure(const char* kind, std::string_view sentence, const void* site) noexcept;

}  // namespace afterimage::inputs
