#include "recorded_modules.h"

#include <cerrno>

#include "build_id.h"

namespace afterimage::launch {

namespace {

std::string base_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

std::string shown(const std::string& build_id) { return build_id.empty() ? "none" : build_id; }

std::string build_id_of(const std::string& file, const std::string& name) {
  const auto elf = read_elf_file(file);
  if (!elf && errno == ENOEXEC) throw LaunchError(ExitCode::no_program, name, " is not an x86-64 ELF file.");
  if (!elf) throw LaunchError(ExitCode::no_program, name, " cannot be read: ", error_text(errno), ".");
  return elf->build_id;
}

}  // namespace

void RecordedModules::refuse_unless_forced(const Module& recorded, const std::string& found,
                                           const std::string& name) const {
  const auto difference = text(name, " is not the recorded build of ", recorded.path, ": recorded build-id ",
                               shown(recorded.build_id), ", found ", shown(found));
  if (!force_) {
    throw LaunchError(ExitCode::wrong_build, difference, "; give the recorded file, or go on with --force.");
  }
  say(text(difference, "; going on because of --force, the replay may differ."));
}

void RecordedModules::check_only(ModuleKind kind, const std::string& file, const std::string& name) const {
  const Module* recorded = plan_.module_of(kind);
  if (recorded == nullptr) return;
  const auto found = build_id_of(file, name);
  if (found != recorded->build_id) refuse_unless_forced(*recorded, found, name);
}

void RecordedModules::check_executable(const std::string& file, const std::string& name) const {
  check_only(ModuleKind::exe, file, name);
}

void RecordedModules::check_interpreter(const std::string& file, const std::string& name) const {
  check_only(ModuleKind::interp, file, name);
}

bool RecordedModules::brings_interpreter(const std::string& kernels) const {
  const Module* recorded = plan_.module_of(ModuleKind::interp);
  if (recorded == nullptr || recorded->build_id.empty() || build_id_of(kernels, kernels) == recorded->build_id) return false;
  const auto brought = read_elf_file(recorded->path);
  return brought && brought->build_id == recorded->build_id;
}

const Module* RecordedModules::identify_library(const std::string& file, const std::string& name,
                                                const std::set<const Module*>& placed) const {
  const auto elf = read_elf_file(file);
  if (!elf) return nullptr;  // a data file, or a library for another machine that ld.so is about to skip
  const auto& found = elf->build_id;
  const Module* same_name = nullptr;
  for (const auto& module : plan_.modules) {
    if (module.kind != ModuleKind::lib) continue;
    if (!found.empty() && module.build_id == found) return placed.contains(&module) ? nullptr : &module;
    if (base_name(module.path) == base_name(name) && !placed.contains(&module)) same_name = &module;
  }
  if (same_name != nullptr && same_name->build_id != found) refuse_unless_forced(*same_name, found, name);
  return same_name;
}

bool RecordedModules::overlaps_other(Address begin, std::uint64_t bytes, const Module* except) const noexcept {
  for (const auto& module : plan_.modules) {
    if (&module == except || module.kind == ModuleKind::vdso) continue;
    if (begin < module.base + module.bytes && module.base < begin + bytes) return true;
  }
  return false;
}

}  // namespace afterimage::launch
