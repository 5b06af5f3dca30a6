// heap/strings.cc: C library functions whose result belongs to their caller. Their own malloc calls
// would go to libc's heap (caller_routing.h), so they are made again here.
#include <cerrno>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <cwchar>

#include "heap/routing.h"

#define AFTERIMAGE_MALLOC_API extern "C" __attribute__((visibility("default")))

namespace afterimage {
namespace {

char* copy_for(const void* caller, const char* string, std::size_t length) noexcept {
  auto* const copy = static_cast<char*>(allocate_for(caller, length + 1));
  if (copy == nullptr) return nullptr;
  std::memcpy(copy, string, length);
  copy[length] = '\0';
  return copy;
}

int print_for(const void* caller, char** result, const char* format, std::va_list arguments) noexcept {
  std::va_list again;
  va_copy(again, arguments);
  const int length = std::vsnprintf(nullptr, 0, format, again);
  va_end(again);
  *result = length < 0 ? nullptr : static_cast<char*>(allocate_for(caller, static_cast<std::size_t>(length) + 1));
  if (*result == nullptr) return -1;
  return std::vsnprintf(*result, static_cast<std::size_t>(length) + 1, format, arguments);
}

}  // namespace
}  // namespace afterimage

using namespace afterimage;

AFTERIMAGE_MALLOC_API char* strdup(const char* string) noexcept {
  return copy_for(AFTERIMAGE_CALLER, string, std::strlen(string));
}
AFTERIMAGE_MALLOC_API char* __strdup(const char* string) noexcept {
  return copy_for(AFTERIMAGE_CALLER, string, std::strlen(string));
}
AFTERIMAGE_MALLOC_API char* strndup(const char* string, std::size_t limit) noexcept {
  return copy_for(AFTERIMAGE_CALLER, string, ::strnlen(string, limit));
}
AFTERIMAGE_MALLOC_API char* __strndup(const char* string, std::size_t limit) noexcept {
  return copy_for(AFTERIMAGE_CALLER, string, ::strnlen(string, limit));
}
AFTERIMAGE_MALLOC_API wchar_t* wcsdup(const wchar_t* string) noexcept {
  const std::size_t count = std::wcslen(string) + 1;
  auto* const copy = static_cast<wchar_t*>(allocate_for(AFTERIMAGE_CALLER, count * sizeof(wchar_t)));
  return copy == nullptr ? nullptr : std::wmemcpy(copy, string, count);
}

AFTERIMAGE_MALLOC_API int vasprintf(char** result, const char* format, std::va_list arguments) noexcept {
  return print_for(AFTERIMAGE_CALLER, result, format, arguments);
}
AFTERIMAGE_MALLOC_API int asprintf(char** result, const char* format, ...) noexcept {
  std::va_list arguments;
  va_start(arguments, format);
  const int length = print_for(AFTERIMAGE_CALLER, result, format, arguments);
  va_end(arguments);
  return length;
}
// What the two are called in programs built with _FORTIFY_SOURCE.
AFTERIMAGE_MALLOC_API int __vasprintf_chk(char** result, int, const char* format, std::va_list arguments) noexcept {
  return print_for(AFTERIMAGE_CALLER, result, format, arguments);
}
AFTERIMAGE_MALLOC_API int __asprintf_chk(char** result, int, const char* format, ...) noexcept {
  std::va_list arguments;
  va_start(arguments, format);
  const int length = print_for(AFTERIMAGE_CALLER, result, format, arguments);
  va_end(arguments);
  return length;
}
