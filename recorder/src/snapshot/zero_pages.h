// Pages that hold nothing but zeroes are left out of a snapshot: a range of the slot which no load covers is zero.
#pragma once
#include <vector>

#include "format/core_file.h"

namespace afterimage {

// Splits the ranges around runs of zero pages. Short runs stay, and as many as would make too many loads.
void omit_zero_pages(std::vector<format::CoreRange>& ranges);

}  // namespace afterimage
