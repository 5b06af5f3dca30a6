// libafterimage.so defines each function through which a C or C++ program gets or returns memory, and
// a program that links it uses these definitions, not those of libc or libstdc++.
#include <dlfcn.h>

#include <new>
#include <set>
#include <string>

#include "heap_testing.h"

using namespace afterimage;

namespace {

constexpr const char* kSymbols[] = {
    "malloc", "free", "calloc", "realloc", "posix_memalign", "memalign", "malloc_usable_size", "malloc_trim",
    "aligned_alloc", "cfree", "free_sized", "free_aligned_sized", "valloc", "pvalloc", "reallocarray",
    "strdup", "strndup", "__strdup", "__strndup", "wcsdup", "asprintf", "vasprintf", "__asprintf_chk", "__vasprintf_chk",
    "_Znwm", "_Znam", "_ZnwmRKSt9nothrow_t", "_ZnamRKSt9nothrow_t",
    "_ZnwmSt11align_val_t", "_ZnamSt11align_val_t", "_ZnwmSt11align_val_tRKSt9nothrow_t", "_ZnamSt11align_val_tRKSt9nothrow_t",
    "_ZdlPv", "_ZdaPv", "_ZdlPvm", "_ZdaPvm", "_ZdlPvRKSt9nothrow_t", "_ZdaPvRKSt9nothrow_t",
    "_ZdlPvSt11align_val_t", "_ZdaPvSt11align_val_t", "_ZdlPvmSt11align_val_t", "_ZdaPvmSt11align_val_t",
    "_ZdlPvSt11align_val_tRKSt9nothrow_t", "_ZdaPvSt11align_val_tRKSt9nothrow_t",
};
// We call these ourselves: they have to stay the C library's.
constexpr const char* kNotOurs[] = {"__libc_malloc", "__libc_free", "__libc_calloc", "__libc_realloc", "__libc_memalign"};

std::string library_path() {
  Dl_info info{};
  CHECK(::dladdr(reinterpret_cast<void*>(&drain_foreign_frees), &info) != 0);
  return info.dli_fname;
}

std::set<std::string> defined_symbols(const std::string& library) {
  std::set<std::string> symbols;
  FILE* const nm = ::popen(("nm -D --defined-only '" + library + "'").c_str(), "r");
  CHECK(nm != nullptr);
  char address[64], kind[8], name[1024];
  while (std::fscanf(nm, "%63s %7s %1023s", address, kind, name) == 3) symbols.insert(name);
  CHECK_EQUAL(::pclose(nm), 0);
  return symbols;
}

}  // namespace

int main() {
  const std::string library = library_path();
  const std::set<std::string> defined = defined_symbols(library);
  bool complete = true;
  const auto expect = [&](bool holds, const char* what, const char* symbol) {
    if (!holds) std::fprintf(stderr, "%s %s\n", symbol, what);
    complete = complete && holds;
  };
  for (const char* symbol : kSymbols) {
    expect(defined.contains(symbol), "is not defined by libafterimage.so", symbol);
    Dl_info info{};
    void* const used = ::dlsym(RTLD_DEFAULT, symbol);
    expect(used != nullptr && ::dladdr(used, &info) != 0 && library == info.dli_fname, "is resolved elsewhere", symbol);
  }
  for (const char* symbol : kNotOurs) expect(!defined.contains(symbol), "must stay libc's", symbol);
  CHECK(complete);
}
