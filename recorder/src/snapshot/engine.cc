#include "snapshot/engine.h"

#include <cstring>

#include "snapshot/copy_on_write.h"
#include "snapshot/fork_engine.h"
#include "snapshot/precopy_engine.h"

namespace afterimage {
namespace {

std::unique_ptr<SnapshotEngine> make_engine(std::string_view name, bool incremental) {
  if (name == "stop") return std::make_unique<StopEngine>();
  if (name == "precopy") return std::make_unique<PrecopyEngine>(incremental);
  if (name == "fork") return std::make_unique<ForkEngine>();
  if (name == "cow-mprotect") return std::make_unique<MprotectEngine>();
  if (name == "cow-uffd") return std::make_unique<UserfaultEngine>();
  return nullptr;
}

// Empty when the engine can be used.
std::string objection(SnapshotEngine& engine, bool kernel_writes) {
  if (const int error = engine.probe(); error != 0) return std::string("is not possible here (") + std::strerror(error) + ")";
  if (kernel_writes && !engine.survives_kernel_writes())
    return "makes system calls that write into the heap fail, and Options::reactors_do_io is set";
  return {};
}

}  // namespace

int StopEngine::begin(const Heap&, Image& image) noexcept {
  image.leave_out_unwritten();
  for (const PageRange& range : image.ranges()) image.copy(range.address, range.bytes);
  return 0;
}

EngineChoice choose_engine(std::string_view wanted, bool kernel_writes, bool incremental) {
  EngineChoice choice;
  if (wanted != "auto") {
    choice.engine = make_engine(wanted, incremental);
    choice.note = choice.engine == nullptr ? "does not exist" : objection(*choice.engine, kernel_writes);
    if (choice.note.empty()) return choice;
    choice.note = "snapshot engine " + std::string(wanted) + " " + choice.note;
  }
  choice.engine = make_engine("precopy", incremental);
  if (!objection(*choice.engine, kernel_writes).empty()) choice.engine = make_engine("stop", incremental);
  if (!choice.note.empty()) choice.note += std::string("; ") + choice.engine->name() + " is used.";
  return choice;
}

}  // namespace afterimage
