// Reactors live in heaps of their own only if this library's malloc() is the program's.
#pragma once
#include <string>

namespace afterimage {

// The file with the malloc() that comes before ours: of another allocator, or of a sanitizer. Empty if there is none.
std::string other_allocator();

}  // namespace afterimage
