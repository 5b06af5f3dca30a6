// The name of a type as the user writes it.
#pragma once
#include <cxxabi.h>

#include <cstdlib>
#include <string>
#include <typeinfo>

namespace afterimage {

inline std::string demangled(const char* mangled) {
  int status = 0;
  char* const text = abi::__cxa_demangle(mangled, nullptr, nullptr, &status);
  std::string name = status == 0 ? text : mangled;
  std::free(text);
  return name;
}

inline std::string type_name(const std::type_info& type) { return demangled(type.name()); }

}  // namespace afterimage
