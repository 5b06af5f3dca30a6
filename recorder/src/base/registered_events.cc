#include "base/registered_events.h"

#include <mutex>

namespace afterimage {
namespace {

constinit detail::RegisteredEvent* g_first = nullptr;
constinit detail::RegisteredTraversal* g_first_traversal = nullptr;
constinit std::mutex g_mutex;  // modules may be loaded by several threads

}  // namespace

const detail::RegisteredEvent* registered_events() noexcept { return g_first; }

const detail::RegisteredTraversal* registered_traversals() noexcept { return g_first_traversal; }

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

RegisteredTraversal::RegisteredTraversal(const std::type_info& reactor, Traverse traverse) noexcept
    : reactor_(reactor), traverse_(traverse) {
  const std::lock_guard lock(g_mutex);
  next_ = g_first_traversal;
  g_first_traversal = this;
}

RegisteredTraversal::~RegisteredTraversal() {
  const std::lock_guard lock(g_mutex);
  RegisteredTraversal** link = &g_first_traversal;
  while (*link != nullptr && *link != this) link = &(*link)->next_;
  if (*link == this) *link = next_;
}

}  // namespace detail
}  // namespace afterimage
