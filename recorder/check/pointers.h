// check/pointers.h: words in a reactor's heap that lead out of it.
//
// Between events every word of every living block is looked at. One that is an address in the ordinary heap, on a stack, in
// another reactor, in a mapping or in the data of a module is noted, with where it is. Whether the word is a pointer, and of
// which member, is found out afterwards from the debug information and an image of the heap (debug-adapter/gdb/check.py);
// so each scan that finds something new leaves an image.
#pragma once
#include "event.h"

namespace afterimage::check {

enum class Scan {
  now,
  when_affordable,  // after an event: but for the first ones, at most half of the time goes into scans
};
void scan_for_pointers(const Event& event, Scan when) noexcept;

// A recorded call has returned this to react(): if it is a pointer, the replay has it, too. Or it is told of otherwise.
void note_own_result(std::uint64_t value) noexcept;

}  // namespace afterimage::check
