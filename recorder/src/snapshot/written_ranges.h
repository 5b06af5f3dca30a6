// Which parts of an image go into the file.
#pragma once
#include <vector>

#include "format/core_file.h"
#include "snapshot/image.h"

namespace afterimage {

// What a full snapshot holds of the slot: of the image, or of the heap itself as it is. Pages that hold nothing but zeroes are left
// out: a range of the slot which no load covers is zero. Short runs of them stay, and as many as would make too many loads.
void copied_ranges(const Image& image, std::vector<format::CoreRange>& ranges);
void live_ranges(const Heap& heap, std::vector<format::CoreRange>& ranges);

// What a reactor is saved with, for a later Recorder::restore(): whatever else was written, without pages where nothing is in use, and
// without the inbox.
std::vector<PageRange> saved_ranges(const Heap& heap);

// What a delta holds: the changes (ascending), and what lies between them where there are too many. False when it would not
// be much smaller than the whole.
bool delta_ranges(const Image& image, const std::vector<PageRange>& changes, std::vector<format::CoreRange>& ranges);

}  // namespace afterimage
