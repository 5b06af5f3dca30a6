#include "hook.h"

#include <asm/prctl.h>
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

struct Module {
  std::string kind;
  std::uintptr_t base;
  std::size_t bytes;
  std::string build_id;
  std::string path;
};

std::string build_id(const dl_phdr_info& info) {
  for (int i = 0; i < info.dlpi_phnum; i++) {
    const auto& segment = info.dlpi_phdr[i];
    if (segment.p_type != PT_NOTE) continue;
    auto at = reinterpret_cast<const char*>(info.dlpi_addr + segment.p_vaddr);
    for (const char* end = at + segment.p_memsz; at + sizeof(ElfW(Nhdr)) <= end;) {
      const auto& note = *reinterpret_cast<const ElfW(Nhdr)*>(at);
      const auto* content = reinterpret_cast<const unsigned char*>(at) + sizeof note + ((note.n_namesz + 3) & ~3u);
      at = reinterpret_cast<const char*>(content) + ((note.n_descsz + 3) & ~3u);
      if (note.n_type != NT_GNU_BUILD_ID) continue;
      std::string digits;
      char two[3];
      for (unsigned k = 0; k < note.n_descsz; k++) digits += (std::snprintf(two, sizeof two, "%02x", content[k]), two);
      return digits;
    }
  }
  return "-";
}

std::string real_path(const char* name) {
  char path[PATH_MAX];
  return realpath(name, path) != nullptr ? path : name;
}

Module describe(const dl_phdr_info& info) {
  std::uintptr_t low = UINTPTR_MAX;
  std::uintptr_t high = 0;
  for (int i = 0; i < info.dlpi_phnum; i++) {
    const auto& segment = info.dlpi_phdr[i];
    if (segment.p_type != PT_LOAD) continue;
    low = std::min(low, segment.p_vaddr & ~std::uintptr_t{4095});
    high = std::max(high, (segment.p_vaddr + segment.p_memsz + 4095) & ~std::uintptr_t{4095});
  }
  Module module{"lib", info.dlpi_addr + low, high - low, build_id(info), real_path(info.dlpi_name)};
  if (module.base == getauxval(AT_SYSINFO_EHDR)) return module.kind = "vdso", module.path = "", module;
  if (module.base == getauxval(AT_BASE)) module.kind = "interp";
  if (getauxval(AT_PHDR) - module.base < module.bytes) module.kind = "exe", module.path = real_path("/proc/self/exe");
  return module;
}

std::vector<Module> modules() {
  std::vector<Module> all;
  dl_iterate_phdr(
      [](dl_phdr_info* info, size_t, void* out) {
        static_cast<std::vector<Module>*>(out)->push_back(describe(*info));
        return 0;
      },
      &all);
  return all;
}

std::string at_random() {
  const auto* bytes = reinterpret_cast<const unsigned char*>(getauxval(AT_RANDOM));
  std::string digits;
  char two[3];
  for (int i = 0; i < 16; i++) digits += (std::snprintf(two, sizeof two, "%02x", bytes[i]), two);
  return digits;
}

std::uintptr_t thread_pointer() {
  std::uintptr_t fs = 0;
  syscall(SYS_arch_prctl, ARCH_GET_FS, &fs);
  return fs;
}

std::uintptr_t heap_start() {
  char line[4096] = "";
  std::FILE* stat = std::fopen("/proc/self/stat", "r");
  const char* at = std::strrchr(std::fgets(line, sizeof line, stat), ')') + 2;
  for (int field = 3; field < 47; field++) at = std::strchr(at, ' ') + 1;
  std::fclose(stat);
  return std::strtoul(at, nullptr, 10);
}

std::uintptr_t stack_canary() {
  std::uintptr_t canary = 0;
  asm("mov %%fs:0x28, %0" : "=r"(canary));
  return canary;
}

void write_facts(std::FILE* out) {
  for (const auto& module : modules()) {
    if (module.kind != "vdso") std::fprintf(out, "base-of-%s %zx\n", module.path.c_str(), module.base);
  }
  std::fprintf(out, "at-random %s\nfs %zx\nheap %zx\ncanary %zx\n", at_random().c_str(), thread_pointer(), heap_start(), stack_canary());
  program_facts(out);
}

std::string plan_from_launcher() {
  const char* variable = std::getenv("AFTERIMAGE_REPLAY");
  char* end = nullptr;
  const int fd = static_cast<int>(std::strtol(variable, &end, 10));
  std::string content;
  char block[4096];
  for (ssize_t got; (got = read(fd, block, sizeof block)) > 0;) content.append(block, static_cast<std::size_t>(got));
  const std::string last_line = std::string("\nnonce ") + (*end == ':' ? end + 1 : "") + "\n";
  const bool genuine = content.size() > last_line.size() && content.ends_with(last_line) && last_line.size() == 7 + 16 + 1;
  if (!genuine) return {};
  close(fd);
  unsetenv("AFTERIMAGE_REPLAY");
  return content;
}

#ifdef HOOK_WITHOUT_INTERPOSITION
void load_missing(const std::string&) {}  // a static program has no libraries
#else
// As the replayer does: libraries which the recorded process had dlopen()ed are loaded while the launcher watches.
void load_missing(const std::string& plan) {
  for (std::size_t at = 0; (at = plan.find("\nmodule lib ", at)) != std::string::npos; at++) {
    const auto line = plan.substr(at + 1, plan.find('\n', at + 1) - at - 1);
    const auto path = line.substr(line.find('/'));
    const bool loaded = std::ranges::any_of(modules(), [&](const Module& module) { return module.path == path; });
    if (!loaded && dlopen(path.c_str(), RTLD_NOW) == nullptr) std::fprintf(stderr, "hook: %s\n", dlerror());
  }
}
#endif

std::FILE* report_stream() { return fdopen(4, "w"); }

}  // namespace

extern "C" {

void hook_record(const char* folder) {
  const std::string prefix = std::string(folder) + "/";
  std::FILE* plan = std::fopen((prefix + "plan").c_str(), "w");
  std::fprintf(plan, "afterimage-plan 1\nrecording %s\nreactor 0\nwait-debugger 0\n", folder);
  for (const auto& module : modules()) {
    std::fprintf(plan, "module %s %zx %zx %s %s\n", module.kind.c_str(), module.base, module.bytes, module.build_id.c_str(),
                 module.path.c_str());
  }
  std::fprintf(plan, "at-random %s\nfs %zx\nbrk %zx\n", at_random().c_str(), thread_pointer(), heap_start());
  std::fclose(plan);
  std::FILE* facts = std::fopen((prefix + "facts").c_str(), "w");
  write_facts(facts);
  std::fclose(facts);
}

bool hook_is_replay() { return std::getenv("AFTERIMAGE_REPLAY") != nullptr; }

// Reports, then waits until the other end of descriptor 3 is closed. The one byte it may read is its exit status.
int hook_replay() {
  const auto plan = plan_from_launcher();
  if (plan.empty()) return std::fprintf(stderr, "hook: no genuine plan\n"), 2;
  load_missing(plan);
  const long heard = syscall(SYS_prctl, 0x41494D47, 1, 0, 0, 0);
  std::FILE* report = report_stream();
  if (report == nullptr) return 5;
  std::fprintf(report, "pid %d\nready %ld\n", getpid(), heard);
  char byte = 0;
  std::fprintf(report, "stdin-bytes %zd\n", read(STDIN_FILENO, &byte, 1));
  write_facts(report);
  std::fprintf(report, "end 0\n");
  std::fflush(report);
  unsigned char status = 0;
  return read(3, &status, 1) == 1 ? status : 0;
}

#ifndef HOOK_WITHOUT_INTERPOSITION
using Main = int (*)(int, char**, char**);
int __libc_start_main(Main main, int argc, char** argv, void (*init)(), void (*fini)(), void (*rtld_fini)(), void* stack_end) {
  const auto real = reinterpret_cast<decltype(&__libc_start_main)>(dlsym(RTLD_NEXT, "__libc_start_main"));
  if (hook_is_replay()) main = [](int, char**, char**) { return hook_replay(); };
  return real(main, argc, argv, init, fini, rtld_fini, stack_end);
}
#endif
}
