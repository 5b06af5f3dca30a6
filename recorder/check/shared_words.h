// check/shared_words.h: globals that react() has written, and whether anybody else changes them between events.
//
// A global of the executable that only one reactor writes is no harm: snapshots have it.
#pragma once
#include <cstdint>

namespace afterimage::check {

void watch_word(std::uintptr_t address) noexcept;  // in a signal handler
void remember_words() noexcept;                    // an event has ended
void compare_words(std::uint32_t reactor, std::uint64_t event) noexcept;  // an event begins

}  // namespace afterimage::check
