// inputs/environment.cc: environment variables and the working directory.
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "heap/routing.h"
#include "inputs/intercept.h"

namespace afterimage::inputs {
namespace {

AFTERIMAGE_REAL(getenv)
AFTERIMAGE_REAL(secure_getenv)
AFTERIMAGE_REAL(setenv)
AFTERIMAGE_REAL(unsetenv)
AFTERIMAGE_REAL(putenv)
AFTERIMAGE_REAL(getcwd)
AFTERIMAGE_REAL(chdir)

// The value as text: in the replay it is not where it was.
template <typename Run>
char* variable(const void* site, const char* name, Run run) {
  if (!in_event()) return run();
  const Call call = Call(CallId::getenv, site).with(name);
  if (replay_hooks == nullptr) {
    char* const value = run();
    const int error = errno;
    RecordBuffer record(call);
    if (value != nullptr) record.append(value, std::strlen(value));
    record.log(value != nullptr, error);
    errno = error;
    return value;
  }
  format::CallRecord recorded;
  if (!hooks->serve(call.header(), call.shown, recorded)) return run();
  return recorded.header.result == 0 ? nullptr : const_cast<char*>(interned(recorded.bytes));
}

}  // namespace
}  // namespace afterimage::inputs

using namespace afterimage::inputs;
using afterimage::format::kOutput;

AFTERIMAGE_CALL char* getenv(const char* name) noexcept {
  if (not_in_reactor()) return real_getenv(name);
  return variable(AFTERIMAGE_SITE, name, [&] { return real_getenv(name); });
}

AFTERIMAGE_CALL char* secure_getenv(const char* name) noexcept {
  if (not_in_reactor()) return real_secure_getenv(name);
  return variable(AFTERIMAGE_SITE, name, [&] { return real_secure_getenv(name); });
}

AFTERIMAGE_CALL int setenv(const char* name, const char* value, int overwrite) noexcept {
  if (not_in_reactor()) return real_setenv(name, value, overwrite);
  return intercept(Call(CallId::setenv, AFTERIMAGE_SITE, kOutput).with(name).with(value).with(overwrite), Otherwise::run,
                   [&] { return real_setenv(name, value, overwrite); });
}

AFTERIMAGE_CALL int unsetenv(const char* name) noexcept {
  if (not_in_reactor()) return real_unsetenv(name);
  return intercept(Call(CallId::unsetenv, AFTERIMAGE_SITE, kOutput).with(name), Otherwise::run,
                   [&] { return real_unsetenv(name); });
}

AFTERIMAGE_CALL int putenv(char* assignment) noexcept {
  if (not_in_reactor()) return real_putenv(assignment);
  return intercept(Call(CallId::putenv, AFTERIMAGE_SITE, kOutput).with(assignment), Otherwise::run,
                   [&] { return real_putenv(assignment); });
}

AFTERIMAGE_CALL int chdir(const char* path) noexcept {
  if (not_in_reactor()) return real_chdir(path);
  return intercept(Call(CallId::chdir, AFTERIMAGE_SITE, kOutput).with(path), Otherwise::fail, [&] { return real_chdir(path); });
}

// Without a buffer the result is the caller's to free, so it is allocated where the caller does.
AFTERIMAGE_CALL char* getcwd(char* buffer, std::size_t bytes) noexcept {
  if (not_in_reactor()) return real_getcwd(buffer, bytes);
  char path[PATH_MAX];
  const std::size_t room = buffer != nullptr ? bytes : sizeof path;
  const bool found = intercept(
      Call(CallId::getcwd, AFTERIMAGE_SITE).with(room), Otherwise::run,
      [&] { return real_getcwd(path, room < sizeof path ? room : sizeof path) != nullptr; },
      [&](bool ok, auto written) { if (ok) written(path, afterimage::replay_hooks != nullptr ? sizeof path : std::strlen(path) + 1); });
  if (!found) return nullptr;
  const std::size_t length = std::strlen(path) + 1;
  if (buffer == nullptr) {
    buffer = static_cast<char*>(afterimage::allocate_for(AFTERIMAGE_SITE, bytes > length ? bytes : length));
    if (buffer == nullptr) return nullptr;
  }
  return static_cast<char*>(std::memcpy(buffer, path, length));
}
