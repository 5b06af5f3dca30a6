// One call of a reactor's heap, as its journal has it (heap/journal.h), and the log (format/made.h).
#pragma once
#include <cstdint>

namespace afterimage {

struct HeapOperation {
  enum class Kind : std::uint16_t {
    allocate = 1,
    resize = 2,  // where the block is
    free = 3,
    keep = 4,    // nothing is done: the block was there before
  };

  std::uint64_t address;  // of the block; 0: none was to be had
  std::uint64_t value;    // bytes asked for; of a free, the code that it was called from
  Kind kind;
  std::uint16_t has_contents;    // in the log: 1 where those of the block follow
  std::uint32_t alignment_log2;  // 0: as malloc's
};
static_assert(sizeof(HeapOperation) == 24);

}  // namespace afterimage
