#include "os/locale.h"

#include <clocale>
#include <cstring>
#include <locale>
#include <stdexcept>

namespace afterimage::os {
namespace {

bool set_cpp_locale(const char* name) {
  if (std::locale().name() == name) return true;
  try {
    std::locale::global(std::locale(name));
    return true;
  } catch (const std::runtime_error&) {
    return false;
  }
}

bool set_c_locale(const char* name) {
  const char* const now = std::setlocale(LC_ALL, nullptr);
  return (now != nullptr && std::strcmp(now, name) == 0) || std::setlocale(LC_ALL, name) != nullptr;
}

}  // namespace

std::string locale_names() {
  const char* const c = std::setlocale(LC_ALL, nullptr);
  std::string names = c != nullptr ? c : "C";
  names += '\0';
  names += std::locale().name();
  names += '\0';
  return names;
}

bool set_locale(const std::string& names) {
  const std::size_t end = names.find('\0');
  if (end == std::string::npos || names.back() != '\0') return names.empty();
  const bool cpp = set_cpp_locale(names.c_str() + end + 1);
  return set_c_locale(names.c_str()) && cpp;  // the C++ library sets that of C, too
}

}  // namespace afterimage::os
