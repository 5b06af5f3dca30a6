// SIGSEGV for a write to a protected page, and everybody else who handles that signal.
//
// Our handler comes first. What is not a write into a running snapshot goes to the handler that was there before: the
// program's, a crash reporter's, our own crash note's. Who installs a handler later replaces ours, usually after asking for
// it and calling it on; so before each snapshot ours goes to the front again, with the newcomer behind it.
#pragma once
#include <cstdint>

namespace afterimage {

// Runs in the signal handler of the writing thread. False: not mine.
using WriteFaultHandler = bool (*)(void* self, std::uintptr_t address) noexcept;

[[nodiscard]] bool add_write_fault_handler(void* self, WriteFaultHandler handler) noexcept;  // false: there are too many
void remove_write_fault_handler(void* self) noexcept;

// 0 or an errno.
[[nodiscard]] int come_first_at_write_faults() noexcept;

}  // namespace afterimage
