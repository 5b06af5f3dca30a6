// Payloads of events that were made in a heap: understood, or not; what is understood lies inside of them.
#include "format/made.h"

#include "format/crc32.h"
#include "fuzz/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace afterimage;
  const auto made = format::read_made({reinterpret_cast<const std::byte*>(data), size});
  if (!made) return 0;
  std::uint32_t crc = 0;
  for (const auto& [operation, contents] : made->operations) {
    FUZZ_CHECK(operation.kind >= HeapOperation::Kind::allocate && operation.kind <= HeapOperation::Kind::keep);
    FUZZ_CHECK(contents.size() == (operation.has_contents != 0 ? operation.value : 0));
    crc = format::crc32(contents, crc);
  }
  asm volatile("" : : "r"(crc));  // all of it was read
  return 0;
}
