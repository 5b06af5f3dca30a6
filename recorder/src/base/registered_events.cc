#include "base/registered_events.h"

#include <mutex>

namespace afterimage {
namespace {

constinit detail::RegisteredEvent* g_first = nullptr;
constinit std::mutex g_mutex;  // modules may be loaded by several threads

}  // namespace

const detail::RegisteredEvent* registered_events() noexcept { return g_first; }

namespace detail {

RegisteredEvent::RegisteredEvent(const std::type_info& reactor, const EventTypeInfo& event) noexcept
    : reactor_(reactor), event_(event) {
  const std::lock_guard lock(g_mutex);
  next_ = g_first;
  g_first = this;
}

RegisteredEvent::~RegisteredEvent() {
  const std::lock_guard lock(g_mutex);
  RegisteredEvent** link = &g_first;
  while (*link != nullptr && *link != this) link = &(*link)->next_;
  if (*link == this) *link = next_;
}

}  // namespace detail
}  // namespace afterimage
