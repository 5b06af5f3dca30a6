// All kinds of events that the code of this process can deliver (afterimage/event_type.h).
#pragma once
#include "afterimage/event_type.h"

namespace afterimage {

// The first entry of the list; null: none. Static constructors add, dlclose() removes.
const detail::RegisteredEvent* registered_events() noexcept;

// The same for reactors that show their pointers.
const detail::RegisteredTraversal* registered_traversals() noexcept;

}  // namespace afterimage
