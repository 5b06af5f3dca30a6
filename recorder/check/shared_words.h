// check/shared_words.h: globals that react() has written: whether anybody else changes them between events, and whether they
// have been left with a pointer to what belongs to a reactor.
//
// A global that only one reactor writes is no harm: snapshots have it. But a reactor takes its memory with it when it goes.
#pragma once
#include <cstdint>

namespace afterimage::check {

void watch_word(std::uintptr_t address) noexcept;  // in a signal handler
void remember_words(std::uint32_t reactor, std::uint64_t event) noexcept;  // an event has ended
void compare_words(std::uint32_t reactor, std::uint64_t event) noexcept;  // an event begins

}  // namespace afterimage::check
