#include "record/saved_reactors.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>

#include "base/hex.h"
#include "base/type_name.h"
#include "format/crc32.h"
#include "format/saved_reactor.h"
#include "heap/retired_heaps.h"
#include "os/modules.h"
#include "snapshot/written_ranges.h"

namespace afterimage {
namespace {

using format::ModuleInSaved;

// As they are in a saved reactor, the executable first. The vdso is left out: it has nothing that is kept.
Bytes describe_modules() {
  Bytes modules;
  for (const os::Module& module : os::loaded_modules())
    if (std::strcmp(module.kind, "vdso") != 0) format::append_module(modules, {module.base, module.bytes, module.build_id, module.path});
  return modules;
}

// To describe them takes longer than to save a small reactor.
std::shared_ptr<const Bytes> modules_here() {
  struct Known {
    std::mutex mutex;
    std::uint64_t generation = 0;
    std::shared_ptr<const Bytes> modules;
  };
  static Known& known = *new Known;  // for reactors that outlive main(), too
  const std::lock_guard lock(known.mutex);
  const std::uint64_t generation = os::modules_generation();
  if (known.modules == nullptr || known.generation != generation) known.modules = std::make_shared<const Bytes>(describe_modules());
  known.generation = generation;
  return known.modules;
}

std::string file_name(std::string_view path) { return std::string(path.substr(path.rfind('/') + 1)); }

// The first that fits, in which the program's modules come in order.
template <typename Fits>
bool find_module(std::span<const std::byte> modules, ModuleInSaved& found, Fits&& fits) {
  while (format::next_module(modules, found))
    if (fits(found)) return true;
  return false;
}

Status without_build_id(const ModuleInSaved& module) {
  return Status(0, file_name(module.path) + " has no build-id, so nothing says whether the reactor was saved by the same build: link it with -Wl,--build-id.");
}

// Whether a module of the process that saved is in this one, at the same place.
Status compare_module(const ModuleInSaved& was, std::span<const std::byte> here) {
  ModuleInSaved now;
  const std::string name = file_name(was.path);
  if (was.build_id.empty()) return without_build_id(was);
  const auto is_same = [&](const ModuleInSaved& module) { return module.build_id == was.build_id && module.bytes == was.bytes; };
  if (find_module(here, now, [&](const ModuleInSaved& module) { return module.base == was.base && is_same(module); })) return {};
  if (find_module(here, now, is_same))
    return Status(0, name + " is at " + hex(now.base) + " in this process, and was at " + hex(was.base) +
                         " where the reactor was saved, so its pointers would lead elsewhere. Start the program by `setarch -R`, always: then each run "
                         "has its modules at the same addresses.");
  if (find_module(here, now, [&](const ModuleInSaved& module) { return file_name(module.path) == name; }))
    return Status(0, name + " is another build (" + std::string(now.build_id) + ") than where the reactor was saved (" + std::string(was.build_id) +
                         "). It can be restored by the same build of the program and its libraries only.");
  return Status(0, name + ", build " + std::string(was.build_id) + ", was part of the program that saved the reactor, and is not of this one.");
}

Status compare_modules(std::span<const std::byte> saved) {
  const std::shared_ptr<const Bytes> here = modules_here();
  ModuleInSaved was, executable;
  std::span<const std::byte> left = *here;
  if (format::next_module(left, executable) && executable.build_id.empty()) return without_build_id(executable);
  if (std::ranges::equal(saved, *here)) return {};
  while (format::next_module(saved, was))
    if (Status status = compare_module(was, *here); !status) return status;
  return {};
}

Status slot_not_free(const format::SavedHead& head, int error) {
  if (error == EINVAL) return Status(EINVAL, "the saved reactor has a slot at " + hex(head.slot_base) + ", where this library has none.");
  if (error != EEXIST) return Status(error, "the slot at " + hex(head.slot_base) + " cannot be had: " + std::strerror(error) + ".");
  const bool is_reactor = heap_of(reinterpret_cast<void*>(head.slot_base)) != nullptr;
  return Status(EEXIST, "the saved reactor belongs at " + hex(head.slot_base) + ", and " + (is_reactor ? "another reactor lives there" : "something else is there") +
                            ". Destroy that first: two that were saved at the same address cannot live at the same time.");
}

// False where they are not what was saved.
bool fill(Heap& heap, const format::SavedReactor& saved) {
  std::span<const std::byte> runs = saved.runs, data;
  std::uint32_t crc = 0;
  const std::byte* begin = runs.data();
  for (format::SavedRun run; format::next_run(runs, saved.head.slot_bytes, run, data); begin = runs.data()) {
    crc = format::crc32({begin, runs.data()}, crc);
    std::memcpy(reinterpret_cast<std::byte*>(heap.base()) + run.offset, data.data(), data.size());
  }
  return runs.empty() && crc == saved.head.runs_crc && heap.revive();
}

Status not_of_type(std::string_view saved, std::string_view wanted) {
  return Status(EINVAL, "the saved reactor is a " + demangled(std::string(saved).c_str()) + ", and not a " + demangled(std::string(wanted).c_str()) + ".");
}

}  // namespace

void save_heap(const Heap& heap, std::string_view type, Bytes& saved) {
  const std::shared_ptr<const Bytes> modules = modules_here();
  const std::vector<PageRange> ranges = saved_ranges(heap);
  std::size_t bytes = 0;
  for (const PageRange& range : ranges) bytes += range.bytes;
  const std::size_t head_bytes = format::saved_head_bytes(type, *modules);
  saved.resize(head_bytes + format::SavedRunWriter::room_for(bytes, ranges.size()));
  format::SavedRunWriter runs(saved.data() + head_bytes);
  for (const PageRange& range : ranges) runs.add(range.address - heap.base(), reinterpret_cast<const std::byte*>(range.address), range.bytes);
  saved.resize(static_cast<std::size_t>(runs.finish() - saved.data()));
  format::write_saved_head(saved, {.slot_base = heap.base(), .slot_bytes = heap.slot_bytes(), .runs_crc = runs.crc()}, type, *modules);
}

Heap* restore_heap(std::span<const std::byte> saved, std::string_view type, Status& why_not) {
  format::SavedReactor reactor;
  why_not = format::read_saved_reactor(saved, reactor);
  if (why_not.ok()) why_not = compare_modules(reactor.modules);
  if (why_not.ok() && reactor.type != type) why_not = not_of_type(reactor.type, type);
  if (!why_not.ok()) return nullptr;
  int error = 0;
  release_retired_heap(reactor.head.slot_base);
  Heap* const heap = Heap::reserve_at(reactor.head.slot_base, reactor.head.slot_bytes, error);
  if (heap == nullptr) {
    why_not = slot_not_free(reactor.head, error);
    return nullptr;
  }
  if (fill(*heap, reactor)) return heap;
  Heap::destroy(heap);
  why_not = Status(0, "the saved reactor is damaged: its memory has another checksum.");
  return nullptr;
}

}  // namespace afterimage
