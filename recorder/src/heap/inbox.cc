#include "heap/inbox.h"

namespace afterimage {

std::byte* Inbox::take_large(Heap& heap, std::size_t bytes, std::size_t alignment) noexcept {
  const auto inbox = reinterpret_cast<std::uintptr_t>(heap.large_inbox());
  const std::uintptr_t place = align_up(inbox + large_used_, alignment < kAlignment ? kAlignment : alignment);
  const std::size_t before = place - inbox;
  if (before > Heap::kLargeInboxBytes || bytes > Heap::kLargeInboxBytes - before) return nullptr;
  large_used_ = static_cast<std::uint32_t>(before + bytes);
  heap.use_large_inbox(large_used_);
  return reinterpret_cast<std::byte*>(place);
}

}  // namespace afterimage
