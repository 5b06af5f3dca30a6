// What a thread is working on, in one place: each thread-local variable of its own would cost an event another address.
#pragma once
#include <cstdint>

namespace afterimage::detail {

class ReactorCore;

struct CurrentEvent {
  ReactorCore* reactor = nullptr;    // whose inputs this thread logs: it is in react(), or in its constructor
  std::uint64_t reactor_plus_1 = 0;  // whose react() it is; 0: none
  std::uint64_t event = 0;           // and for which event
};

struct ThreadRecord {
  CurrentEvent current;
  bool has_signal_stack = false;  // that is known
};

extern constinit thread_local ThreadRecord t_record __attribute__((tls_model("initial-exec"), visibility("hidden")));

}  // namespace afterimage::detail
