// afterimage/react.h: the call of react(), by whichever of its names the reactor has.
#pragma once
#include "afterimage/heap.h"

extern "C" AFTERIMAGE_API void afterimage_before_react();  // a place for a debugger's hidden breakpoint: right before react()

namespace afterimage::detail {

// No std::forward(): in a program that is not optimised it is a function, and stepping back in it would end there, before react().
template <typename T, typename E>
decltype(auto) invoke_react(T& reactor, E&& event) {
  if constexpr (requires { reactor.react(static_cast<E&&>(event)); }) {
    return reactor.react(static_cast<E&&>(event));
  } else if constexpr (requires { reactor.handle(static_cast<E&&>(event)); }) {
    return reactor.handle(static_cast<E&&>(event));
  } else if constexpr (requires { reactor.consume(static_cast<E&&>(event)); }) {
    return reactor.consume(static_cast<E&&>(event));
  } else {
    static_assert(requires { reactor(static_cast<E&&>(event)); },
                  "the reactor has no react(), handle(), consume() or operator() for this event");
    return reactor(static_cast<E&&>(event));
  }
}

// All ways into react() lead through here. Were it inlined into each of them, one crash would have two addresses: that of the
// recording, and another one in the replay. And were react() its last call, a jump, the last call in react() might be a jump, too: then it
// would seem to be made by whoever delivers, the recorder or the replayer.
template <typename T, typename E>
[[gnu::noinline]] void enter_react(T& reactor, E&& event) {
  afterimage_before_react();
  (void)invoke_react(reactor, static_cast<E&&>(event));
  asm volatile("");
}

}  // namespace afterimage::detail
