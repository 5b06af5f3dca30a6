// The program under test: loads a plugin as services do, and records where everything is. Also built as a static program,
// which can neither be hooked nor load plugins.
#include <dlfcn.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <string>

#include "hook.h"

namespace {

thread_local int counter = 0;
int global = 7;

// As sanitizers do when they do not like the address space.
void replace_itself() {
  unsetenv("SUBJECT_BEFORE_MAIN");
  execl("/proc/self/exe", "subject", nullptr);
}

// Does what a test asks for before main, which a replay skips.
struct StaticConstructor {
  StaticConstructor() {
    const char* wish = hook_is_replay() ? std::getenv("SUBJECT_BEFORE_MAIN") : nullptr;
    if (wish == nullptr) return;
    if (std::strcmp(wish, "exit") == 0) std::exit(9);
    if (std::strcmp(wish, "crash") == 0) __builtin_trap();
    if (std::strcmp(wish, "exec") == 0) replace_itself();
    if (std::strcmp(wish, "stop") == 0) raise(SIGSTOP);
  }
} static_constructor;

}  // namespace

int main([[maybe_unused]] int argc, char** argv) {
#ifdef HOOK_WITHOUT_INTERPOSITION
  if (hook_is_replay()) return hook_replay();
#else
  for (int i = 2; i < argc; i++) {
    if (dlopen(argv[i], RTLD_NOW) == nullptr) return std::cerr << dlerror() << '\n', 1;
  }
#endif
  hook_record(argv[1]);
  return 0;
}

extern "C" void program_facts(std::FILE* out) {
  std::fprintf(out, "main %p\nglobal %p\ncounter %p\n", reinterpret_cast<void*>(&main), static_cast<void*>(&global),
               static_cast<void*>(&counter));
  std::fprintf(out, "cout %p\nvtable-of-cout %p\n", static_cast<void*>(&std::cout), *reinterpret_cast<void**>(&std::cout));
}
