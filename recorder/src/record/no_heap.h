// Why a reactor has no heap, and so is not recorded: in a sentence with what can be done about it.
#pragma once
#include <string>

#include "afterimage/status.h"

namespace afterimage::detail {

// `error` is what Heap::create() has said.
Status no_heap(const std::string& reactor, int error);

}  // namespace afterimage::detail
