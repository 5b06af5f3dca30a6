// check/mappings.h: what is mapped in this process, as far as a pointer of a reactor could lead there.
#pragma once
#include <cstdint>
#include <vector>

#include "findings.h"

namespace afterimage::check {

struct Mapping {
  std::uintptr_t begin, end;
  Place place;
  char name[96];
};

// By address; without reactors' heaps, code, constants, and the data of the C and C++ libraries and of this one.
const std::vector<Mapping>& read_mappings();

}  // namespace afterimage::check
