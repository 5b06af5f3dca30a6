// The locale of the process: that of the C library, and the global one of the C++ library, by name.
#pragma once
#include <string>

namespace afterimage::os {

// Both names, each ended by a zero byte. A C++ locale put together by the program has none: "*".
std::string locale_names();

// False when this machine does not have it, or it has no name; then what could be set is set.
bool set_locale(const std::string& names);

}  // namespace afterimage::os
