// The plan: where every module of the recorded process was, one item a line, path last.
//
//     afterimage-plan 1
//     module exe 5581a0c31000 8000 9f2c... /opt/shop/orders
//     at-random 00112233445566778899aabbccddeeff
//     fs 7f10a4d2e740
//     brk 5581a1e9a000
//
// `recording`, `reactor` and `wait-debugger` are for the replayer. It gets the whole text; the launcher only checks
// that they are well-formed, so that a damaged plan is refused before any process is started.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "errors.h"

namespace afterimage::launch {

enum class ModuleKind { exe, interp, lib, vdso };

struct Module {
  ModuleKind kind;
  Address base;
  std::uint64_t bytes;
  std::string build_id;  // lower-case hex; empty: the module had none
  std::string path;
};

struct Plan {
  std::string text;
  std::vector<Module> modules;
  std::optional<std::array<unsigned char, 16>> at_random;
  Address fs = 0;   // thread pointer of the main thread, 0: not recorded
  Address brk = 0;  // start of [heap], 0: not recorded

  const Module* module_of(ModuleKind kind) const noexcept;
};

// Both throw LaunchError(usage) naming the line that is wrong. `name` is how the message calls the plan.
Plan read_plan(const std::string& path);
Plan parse_plan(std::string plan_text, const std::string& name);

}  // namespace afterimage::launch
