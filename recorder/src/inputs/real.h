// inputs/real.h: the function that we stand in front of: the next one of that name, which is the C library's.
//
// Looked up before main, because dlsym allocates; a library whose constructors run before ours makes it look up earlier.
#pragma once
#include <dlfcn.h>

namespace afterimage::inputs {

class RealFunction {
 public:
  constexpr explicit RealFunction(const char* name) noexcept : name_(name) {}
  void* address() noexcept {
    if (address_ == nullptr) [[unlikely]]
      address_ = ::dlsym(RTLD_NEXT, name_);
    return address_;
  }

 private:
  const char* name_;
  void* address_ = nullptr;
};

}  // namespace afterimage::inputs

// Declares real_NAME(...), and has it looked up by find_real_functions().
#define AFTERIMAGE_REAL_NAMED(type, name, symbol)                                                              \
  using RealType_##name = type;                                                                                \
  constinit ::afterimage::inputs::RealFunction real_function_##name{symbol};                                   \
  [[gnu::section("afterimage_real"), gnu::used]] ::afterimage::inputs::RealFunction* real_entry_##name =        \
      &real_function_##name;                                                                                   \
  template <typename... Arguments>                                                                             \
  inline auto real_##name(Arguments... arguments) {                                                            \
    return reinterpret_cast<RealType_##name*>(real_function_##name.address())(arguments...);                         \
  }
#define AFTERIMAGE_REAL(name) AFTERIMAGE_REAL_NAMED(decltype(::name), name, #name)
