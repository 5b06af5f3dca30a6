// Which recorded module is this file? Decided by build-id; a file of the same name with another build-id is refused,
// because a replay with other code would be wrong without any sign of it.
#pragma once

#include <set>
#include <string>

#include "plan.h"

namespace afterimage::launch {

class RecordedModules {
 public:
  // With `force`, another build is placed like the recorded one, and said.
  RecordedModules(const Plan& plan, bool force) : plan_(plan), force_(force) {}

  // Throw LaunchError(wrong_build) when `file` (shown as `name`) is not the recorded executable or interpreter.
  void check_executable(const std::string& file, const std::string& name) const;
  void check_interpreter(const std::string& file, const std::string& name) const;

  // Whether the plan names the recorded interpreter in another file than `kernels`, which is another build.
  bool brings_interpreter(const std::string& kernels) const;

  // The recorded library that `file` is; nullptr when the recording has no such library, or it is placed already.
  const Module* identify_library(const std::string& file, const std::string& name,
                                 const std::set<const Module*>& placed) const;

  // True when the range belongs to a recorded module other than `except`.
  bool overlaps_other(Address begin, std::uint64_t bytes, const Module* except) const noexcept;

  const Plan& plan() const noexcept { return plan_; }

 private:
  void check_only(ModuleKind kind, const std::string& file, const std::string& name) const;
  void refuse_unless_forced(const Module& recorded, const std::string& found, const std::string& name) const;

  const Plan& plan_;
  bool force_;
};

}  // namespace afterimage::launch
