// Which system calls may make a thread wait, and for what: judged by their arguments, not by how long they took this time.
#pragma once
#include <optional>

#include "findings.h"

namespace afterimage::check {

struct SystemCall {
  long number;
  long arguments[6];
};

std::optional<Wait> may_wait(const SystemCall& call) noexcept;

}  // namespace afterimage::check
