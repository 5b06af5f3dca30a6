// std::uncaught_exceptions(), without asking the loader for the thread's counter at each call (7 ns an event).
#pragma once
#include <cxxabi.h>

namespace afterimage {

inline unsigned uncaught_exceptions() noexcept {
  struct Globals {  // __cxa_eh_globals of the Itanium C++ ABI; a thread's are at one address for all its life
    void* caught;
    unsigned uncaught;
  };
  static thread_local const Globals* globals __attribute__((tls_model("initial-exec"))) = nullptr;
  if (globals == nullptr) [[unlikely]] globals = reinterpret_cast<const Globals*>(abi::__cxa_get_globals());
  return globals->uncaught;
}

}  // namespace afterimage
