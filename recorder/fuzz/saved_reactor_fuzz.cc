// Saved reactors, the rows of a program's database: understood, or refused with a sentence. With a wrong checksum nothing more is looked at,
// so each is also read with the right one.
#include "format/saved_reactor.h"

#include <cstddef>
#include <cstring>
#include <vector>

#include "format/crc32.h"
#include "fuzz/check.h"

namespace {

using namespace afterimage;
using namespace afterimage::format;

void read(std::span<const std::byte> saved) {
  SavedReactor reactor;
  const Status status = read_saved_reactor(saved, reactor);
  FUZZ_CHECK(status.ok() || !status.message().empty());
  if (!status.ok()) return;
  std::uint32_t crc = crc32(std::as_bytes(std::span(reactor.type)));
  for (ModuleInSaved module; next_module(reactor.modules, module);)
    crc = crc32(std::as_bytes(std::span(module.path)), crc32(std::as_bytes(std::span(module.build_id)), crc));
  std::span<const std::byte> data;
  for (SavedRun run; next_run(reactor.runs, reactor.head.slot_bytes, run, data); crc = crc32(data, crc)) {
    FUZZ_CHECK(data.size() == run.bytes);
    FUZZ_CHECK(run.offset <= reactor.head.slot_bytes && run.bytes <= reactor.head.slot_bytes - run.offset);
  }
  asm volatile("" : : "r"(crc));  // all of it was read
}

std::vector<std::byte> with_right_checksum(std::vector<std::byte> saved) {
  SavedHead head;
  if (saved.size() < sizeof head) return saved;
  std::memcpy(&head, saved.data(), sizeof head);
  std::memcpy(head.magic, kSavedMagic, sizeof head.magic);
  head.version = 1;
  head.bytes = saved.size();
  std::memcpy(saved.data(), &head, sizeof head);
  const std::size_t end = sizeof head + align_up<std::size_t>(head.type_bytes, 8) + head.modules_bytes;
  if (end > saved.size()) return saved;
  constexpr std::size_t kCrc = offsetof(SavedHead, head_crc);
  head.head_crc = crc32(std::span<const std::byte>(saved).subspan(kCrc + sizeof head.head_crc, end - kCrc - sizeof head.head_crc));
  std::memcpy(saved.data(), &head, sizeof head);
  return saved;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto* const bytes = reinterpret_cast<const std::byte*>(data);
  const std::vector<std::byte> saved(bytes, bytes + size);
  read(saved);
  read(with_right_checksum(saved));
  return 0;
}
