#include "heap/misuse.h"

#include <csignal>

#include "base/out_of_memory.h"
#include "base/raw_log.h"
#include "heap/heap.h"
#include "os/symbols.h"

namespace afterimage {

constinit FailureListener* failure_listener = nullptr;

namespace {

constexpr std::uint64_t kReported = 16;  // of a heap, and of each kind

void add_place(RawLine& line, std::uintptr_t address) noexcept {
  if (address == 0) return;
  line.text(" at ");
  if (!finds_memory([&] { line.text(os::code_name(address).c_str()); })) line.hex(address);
}

void add_history(RawLine& line, const FreedBlock& freed) noexcept {
  line.text("; it was freed");
  if (freed.event_plus_1 != 0) line.text(" in event ").number(freed.event_plus_1 - 1);
  add_place(line, freed.site);
}

void add_place_in_event(RawLine& line, std::uint64_t event_plus_1, const void* site) noexcept {
  if (event_plus_1 == 0) return;
  line.text(", in event ").number(event_plus_1 - 1);
  const std::uintptr_t place = os::calling_program_code();
  add_place(line, place != 0 ? place : reinterpret_cast<std::uintptr_t>(site));
}

}  // namespace

// The bug is the program's own: it is named and, unless the program wants to stop there, ignored; here and in the replay alike.
[[gnu::cold, gnu::noinline]] void Heap::report_misuse(const char* what, const void* block, const void* site, const FreedBlock* freed_block) noexcept {
  const std::uint64_t count = ++HeapHeader::misuses;
  const bool stops = HeapHeader::event_plus_1 != 0 && (flags & kStopAtMisuse) != 0;
  if (!stops && (count > kReported || (flags & kReportMisuse) == 0)) return;
  RawLine line;
  line.text(what).address(block);
  {
    const OutsideScope outside;
    add_place_in_event(line, HeapHeader::event_plus_1, site);
    if (freed_block != nullptr) add_history(line, *freed_block);
  }
  line.text(stops ? " (the program ends here: stop_at_misuse)" : " (ignored)");
  if (count == kReported) line.text("; further ones in this heap are not reported");
  note_failure(what, line.sentence(), site);
  line.print();
  if (stops) std::raise(SIGABRT);
}

// What the program makes of it may be seen far from here, and std::bad_alloc does not say whose memory was at its end.
[[gnu::cold, gnu::noinline]] void Heap::report_no_room(std::size_t bytes) noexcept {
  const std::uint64_t count = ++HeapHeader::refusals;
  if (count > kReported || (flags & kReportMisuse) == 0) return;
  const void* const site = __builtin_return_address(0);
  RawLine line;
  line.text("no room for ").number(bytes >> 10).text(" KiB more in a reactor's heap, which may have ");
  line.number(std::uint64_t{slices - first} << (kSliceShift - 10)).text(" KiB (Options::heap_limit_bytes): the allocation fails");
  {
    const OutsideScope outside;
    add_place_in_event(line, HeapHeader::event_plus_1, site);
  }
  if (count == kReported) line.text("; further ones in this heap are not reported");
  note_failure("no_room", line.sentence(), site);
  line.print();
}

}  // namespace afterimage
