#include "files.h"

#include <elf.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "base/file_descriptor.h"
#include "code.h"
#include "format/core_file.h"
#include "os/modules.h"
#include "snapshot/variable_rules.h"

namespace afterimage::check {
namespace {

const char* g_directory = "";
std::string& variable_rules() {
  static std::string rules = "auto";
  return rules;
}

format::CoreRange range(std::uintptr_t address, std::size_t bytes) {
  return {address, bytes, PF_R | PF_W, reinterpret_cast<const std::byte*>(address)};
}

// A line at the end of a file in the directory.
void add_line(const char* name, const std::string& line) noexcept {
  const FileDescriptor file(::open((std::string(g_directory) + "/" + name).c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (file.valid() && write(file.get(), line.data(), line.size()) < 0) return;  // missed by whoever reads it
}

}  // namespace

void set_directory(const char* directory) noexcept { g_directory = directory; }

void set_variable_rules(const char* rules) noexcept {
  variable_rules() = rules;
  write_modules();
}

void write_modules() noexcept {
  const Variables saved = included_variables(os::loaded_modules(), VariableRules(variable_rules()));
  std::string lines;
  for_each_module([&](const ModuleRange& module) {
    char numbers[128];
    const bool is_saved = std::ranges::find(saved.modules, module.begin) != saved.modules.end();
    std::snprintf(numbers, sizeof numbers, "%zx %zx %zx %d %d ", module.bias, module.begin, module.end, static_cast<int>(module.code), is_saved);
    lines += std::string(numbers) + module.path + "\n";
  });
  unlink((std::string(g_directory) + "/modules").c_str());
  add_line("modules", lines);
}

void write_reactor(const CheckedReactor& reactor) noexcept {
  char numbers[128];
  std::snprintf(numbers, sizeof numbers, "%u %zx %zx %zx ", reactor.id, reactor.heap->object(), reactor.heap->base(), reactor.heap->slot_bytes());
  add_line("reactors", std::string(numbers) + reactor.type + "\t" + reactor.name + "\n");
}

void write_image(const Event& event, std::uint64_t number) noexcept {
  char path[4200];
  std::snprintf(path, sizeof path, "%s/r%u-%llu.core", g_directory, event.reactor, static_cast<unsigned long long>(number));
  const FileDescriptor file(::open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file.valid()) return;
  std::vector<format::CoreRange> ranges;
  event.heap->used_ranges([&](std::uintptr_t address, std::size_t bytes) { ranges.push_back(range(address, bytes)); });
  const std::vector<os::Module> modules = os::loaded_modules();
  for (const os::AddressRange& data : modules.front().variables) ranges.push_back(range(data.address, data.bytes));
  const format::SnapshotNote note{.version = 1, .reactor = event.reactor, .position = event.number, .parent = event.number,
                                  .kind = format::kFull, .flags = 0, .allocation_fingerprint = 0,
                                  .object = event.heap->object(), .slot_base = event.heap->base(),
                                  .slot_bytes = event.heap->slot_bytes()};
  const format::CoreNotes notes{.snapshot = note, .thread_state = {}, .locale = {}, .auxiliary_vector = {}, .modules = {}};
  (void)format::write_core(file.get(), notes, ranges);
}

}  // namespace afterimage::check
