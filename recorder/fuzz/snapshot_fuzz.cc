// Snapshots, compressed ones, too: what is accepted lies inside the file, in whole pages, and is of a kind that exists.
#include <sys/stat.h>
#include <unistd.h>

#include "format/core_file.h"
#include "fuzz/check.h"
#include "fuzz/scratch_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const afterimage::fuzz::ScratchDirectory scratch;
  afterimage::format::CoreFile core;
  const afterimage::Status status = core.open(scratch.write("snap-000000000000.core", std::span(data, size)));
  FUZZ_CHECK(status.ok() || !status.message().empty());
  if (!status) return 0;
  FUZZ_CHECK(core.note().version == 1);
  const afterimage::Status content = core.bring_content();
  FUZZ_CHECK(content.ok() || !content.message().empty());
  if (!content) return 0;
  struct stat info {};
  FUZZ_CHECK(fstat(core.descriptor(), &info) == 0);
  const auto bytes = static_cast<std::uint64_t>(info.st_size);
  for (const auto& load : core.loads()) {
    FUZZ_CHECK(load.file_offset <= bytes && load.bytes <= bytes - load.file_offset);
    FUZZ_CHECK((load.address | load.file_offset | load.bytes) % 4096 == 0);
    char byte;
    const auto last = static_cast<off_t>(load.file_offset + load.bytes - 1);
    FUZZ_CHECK(load.bytes == 0 || pread(core.descriptor(), &byte, 1, last) == 1);
  }
  return 0;
}
