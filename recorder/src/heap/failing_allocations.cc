// heap/failing_allocations.cc: allocations inside react() that fail on purpose, so that a program's tests see what it makes of that.
//
// Which ones is decided by the heap's own state, which snapshots save: in a replay the same ones fail.
#include <cerrno>
#include <cmath>

#include "base/raw_log.h"
#include "heap/heap.h"
#include "heap/misuse.h"

namespace afterimage {
namespace {

constexpr std::uint64_t kAlways = ~std::uint64_t{0};
constexpr std::uint64_t kPrinted = 16;  // the log has them all

std::uint64_t chance_of(const FailAllocations& which) noexcept {
  if (which.probability >= 1 || (which.probability <= 0 && which.nth == 0)) return kAlways;
  return which.probability <= 0 ? 0 : static_cast<std::uint64_t>(std::ldexp(which.probability, 64));
}

std::uint64_t next_random(std::uint64_t& state) noexcept {  // xorshift64*
  state ^= state >> 12;
  state ^= state << 25;
  state ^= state >> 27;
  return state * 0x2545'f491'4f6c'dd1d;
}

}  // namespace

void Heap::fail_allocations(const FailAllocations& which) noexcept {
  if (!which.any()) return;
  flags |= kFailAllocations;
  failing = {.countdown = which.nth, .chance = chance_of(which), .random = which.seed | 1, .above_bytes = which.above_bytes};
  fast_bytes = 0;
}

[[gnu::cold]] bool Heap::fails_on_purpose(std::size_t bytes) noexcept {
  if (HeapHeader::event_plus_1 == 0 || bytes < failing.above_bytes + (failing.above_bytes != 0)) return false;
  const bool is_counted = failing.countdown != 0 && --failing.countdown == 0;
  const bool is_drawn = failing.chance == kAlways || (failing.chance != 0 && next_random(failing.random) < failing.chance);
  if (!is_counted && !is_drawn) return false;
  note_allocation(bytes, nullptr);
  RawLine line;
  line.text("an allocation of ").number(bytes).text(" bytes fails, as asked for (fail_allocations), in event ");
  line.number(HeapHeader::event_plus_1 - 1);
  note_failure("fail_allocations", line.sentence(), __builtin_return_address(0));
  if (failures < kPrinted) line.print();
  refuse();
  return true;
}

}  // namespace afterimage
