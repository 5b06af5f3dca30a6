// Plans of the launcher: understood, or refused with a sentence.
#include "fuzz/check.h"
#include "replay/plan.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  afterimage::replay::Plan plan;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const afterimage::Status status = afterimage::replay::parse_plan(text, plan);
  FUZZ_CHECK(status.ok() ? !plan.recording.empty() : !status.message().empty());
  return 0;
}
