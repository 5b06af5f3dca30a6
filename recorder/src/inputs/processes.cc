// inputs/processes.cc: other processes: starting them and waiting for them.
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "inputs/intercept.h"

namespace afterimage::inputs {
namespace {

AFTERIMAGE_REAL(system)
AFTERIMAGE_REAL(fork)
AFTERIMAGE_REAL(posix_spawn)
AFTERIMAGE_REAL(posix_spawnp)
AFTERIMAGE_REAL(popen)
AFTERIMAGE_REAL(pclose)
AFTERIMAGE_REAL(waitpid)

Call spawn_call(const void* site, const char* path, char* const arguments[]) noexcept {
  Call call(CallId::posix_spawn, site, format::kOutput);
  call.with(path);
  for (char* const* argument = arguments; argument != nullptr && *argument != nullptr; ++argument) call.with(*argument);
  return call;
}

template <typename Run>
int spawn_in_react(const Call& call, pid_t* child, Run run) {
  return intercept(call, Otherwise::fail, run, [&](int result, auto written) {
    if (result == 0 && child != nullptr) written(child, sizeof *child);
  });
}

}  // namespace
}  // namespace afterimage::inputs

using namespace afterimage::inputs;
using afterimage::format::kOutput;

AFTERIMAGE_CALL int system(const char* command) {
  if (not_in_reactor()) return real_system(command);
  return intercept(Call(CallId::system, AFTERIMAGE_SITE, kOutput).with(command), Otherwise::fail, [&] { return real_system(command); });
}

AFTERIMAGE_CALL pid_t fork() noexcept {
  if (not_in_reactor()) return real_fork();
  return intercept(Call(CallId::fork, AFTERIMAGE_SITE, kOutput), Otherwise::fail, [] { return real_fork(); });
}

AFTERIMAGE_CALL int posix_spawn(pid_t* __restrict child, const char* __restrict path,
                                const posix_spawn_file_actions_t* __restrict actions, const posix_spawnattr_t* __restrict attributes,
                                char* const arguments[], char* const environment[]) {
  if (not_in_reactor()) return real_posix_spawn(child, path, actions, attributes, arguments, environment);
  return spawn_in_react(spawn_call(AFTERIMAGE_SITE, path, arguments), child,
                        [&] { return real_posix_spawn(child, path, actions, attributes, arguments, environment); });
}
AFTERIMAGE_CALL int posix_spawnp(pid_t* __restrict child, const char* __restrict path,
                                 const posix_spawn_file_actions_t* __restrict actions, const posix_spawnattr_t* __restrict attributes,
                                 char* const arguments[], char* const environment[]) {
  if (not_in_reactor()) return real_posix_spawnp(child, path, actions, attributes, arguments, environment);
  return spawn_in_react(spawn_call(AFTERIMAGE_SITE, path, arguments), child,
                        [&] { return real_posix_spawnp(child, path, actions, attributes, arguments, environment); });
}

AFTERIMAGE_CALL FILE* popen(const char* command, const char* mode) {
  if (not_in_reactor()) return real_popen(command, mode);
  return intercept(Call(CallId::popen, AFTERIMAGE_SITE, kOutput).with(command).with(mode), Otherwise::fail,
                   [&] { return real_popen(command, mode); });
}
AFTERIMAGE_CALL int pclose(FILE* stream) {
  if (not_in_reactor()) return real_pclose(stream);
  return intercept(Call(CallId::pclose, AFTERIMAGE_SITE).with_pointer(stream), Otherwise::fail, [&] { return real_pclose(stream); });
}

AFTERIMAGE_CALL pid_t waitpid(pid_t child, int* status, int options) {
  if (not_in_reactor()) return real_waitpid(child, status, options);
  return intercept(
      Call(CallId::waitpid, AFTERIMAGE_SITE).with(child).with(options), Otherwise::fail,
      [&] { return real_waitpid(child, status, options); },
      [&](pid_t ended, auto written) { if (ended > 0 && status != nullptr) written(status, sizeof *status); });
}
