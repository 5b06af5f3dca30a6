#include "snapshot/variable_rules.h"

#include <algorithm>
#include <cstring>

namespace afterimage {
namespace {

// The beginnings of file names.
constexpr std::string_view kRuntimeLibraries[] = {
    "libafterimage.so", "ld-linux", "libc.so", "libm.so", "libmvec.so", "libdl.so", "libpthread.so", "librt.so", "libresolv.so",
    "libanl.so", "libutil.so", "libnss_", "libstdc++.so", "libc++.so", "libc++abi.so", "libgcc_s.so", "libunwind.so", "libgomp.so",
    "libasan.so", "liblsan.so", "libtsan.so", "libubsan.so",
};

std::string_view file_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

}  // namespace

bool is_runtime_library(std::string_view file_name) {
  return std::ranges::any_of(kRuntimeLibraries, [&](std::string_view known) { return file_name.starts_with(known); });
}

VariableRules::VariableRules(std::string_view rules) {
  while (!rules.empty()) {
    const std::size_t end = std::min(rules.find(','), rules.size());
    const std::string_view rule = rules.substr(0, end);
    rules.remove_prefix(std::min(end + 1, rules.size()));
    if (rule == "auto" || rule == "none") libraries_ = rule == "auto";
    else if (rule.size() > 1 && (rule[0] == '+' || rule[0] == '-')) exceptions_.push_back({std::string(rule.substr(1)), rule[0] == '+'});
  }
}

bool VariableRules::include(const os::Module& module) const {
  if (std::strcmp(module.kind, "exe") == 0) return true;
  const std::string_view name = file_name(module.path);
  const bool is_library = std::strcmp(module.kind, "lib") == 0;  // not the loader, nor the kernel's
  bool included = libraries_ && is_library && !is_runtime_library(name);
  for (const Exception& exception : exceptions_)
    if (name.starts_with(exception.name)) included = exception.included;
  return included && !name.starts_with(kRuntimeLibraries[0]);  // our own state is not the program's
}

void Variables::add(const os::Module& module, const os::AddressRange& range) {
  ranges.push_back(range);
  const std::uintptr_t end = range.address + range.bytes;
  const std::uintptr_t hole = std::clamp(module.lazy_bindings.address, range.address, end);
  const std::uintptr_t behind = std::clamp(module.lazy_bindings.address + module.lazy_bindings.bytes, hole, end);
  compared.push_back({range.address, hole - range.address});
  compared.push_back({behind, end - behind});
}

Variables included_variables(const std::vector<os::Module>& modules, const VariableRules& rules) {
  Variables variables;
  for (const os::Module& module : modules) {
    if (!rules.include(module)) continue;
    variables.modules.push_back(module.base);
    for (const os::AddressRange& range : module.variables) variables.add(module, range);
  }
  return variables;
}

}  // namespace afterimage
