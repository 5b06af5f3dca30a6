// Which parts of an image go into the file.
#pragma once
#include <vector>

#include "format/core_file.h"
#include "snapshot/image.h"

namespace afterimage {

// Pages that hold nothing but zeroes are left out of a full snapshot: a range of the slot which no load covers is zero.
// Splits the ranges around runs of them. Short runs stay, and as many as would make too many loads.
void omit_zero_pages(std::vector<format::CoreRange>& ranges);

// What a delta holds: the changes (ascending), and what lies between them where there are too many. False when it would not
// be much smaller than the whole.
bool delta_ranges(const Image& image, const std::vector<PageRange>& changes, std::vector<format::CoreRange>& ranges);

}  // namespace afterimage
