#include "heap/foreign_frees.h"

#include <atomic>
#include <cerrno>
#include <utility>

#include "heap/heap.h"
#include "heap/libc_heap.h"

namespace afterimage {
namespace {

void prepend(ForeignRequest*& requests, ForeignRequest* request) noexcept { request->next = std::exchange(requests, request); }

// Nobody will destroy these objects.
void give_up(detail::ForeignQueue& queue, ForeignRequest* others) noexcept {
  for (const ForeignRequest* request = others; request != nullptr; request = request->next) queue.lent.fetch_sub(1, std::memory_order_relaxed);
  free_requests(others);
}

}  // namespace

void append_requests(ForeignRequest*& requests, ForeignRequest* more) noexcept {
  ForeignRequest** end = &requests;
  while (*end != nullptr) end = &(*end)->next;
  *end = more;
}

void free_requests(ForeignRequest*& requests) noexcept {
  while (requests != nullptr) __libc_free(std::exchange(requests, requests->next));
}

void queue_foreign_request(detail::ForeignQueue& queue, ForeignRequest* request) noexcept {
  request->next = queue.first.load(std::memory_order_relaxed);
  while (!queue.first.compare_exchange_weak(request->next, request, std::memory_order_release, std::memory_order_relaxed)) {
  }
}

void queue_foreign_free(void* block) noexcept {
  const int saved = errno;
  auto* const request = static_cast<ForeignRequest*>(__libc_malloc(sizeof(ForeignRequest)));
  errno = saved;
  if (request == nullptr) return;
  request->block = block;
  queue_foreign_request(slot_of(block).foreign, request);
}

bool has_objects(const detail::ForeignQueue& queue) noexcept {
  const ForeignRequest* request = queue.first.load(std::memory_order_acquire);
  while (request != nullptr && request->block != nullptr) request = request->next;
  return request != nullptr;
}

ForeignRequests take_foreign_requests(detail::ForeignQueue& queue) noexcept {
  ForeignRequests taken;
  for (ForeignRequest* newest = queue.first.exchange(nullptr, std::memory_order_acquire); newest != nullptr;) {
    ForeignRequest* const request = std::exchange(newest, newest->next);
    prepend(request->block != nullptr ? taken.frees : taken.others, request);
  }
  return taken;
}

void free_blocks(Heap& heap, const ForeignRequest* frees) noexcept {
  for (; frees != nullptr; frees = frees->next) heap.deallocate_from(frees->block, nullptr);
}

std::size_t drain_foreign_frees(Heap& heap) noexcept {
  ForeignRequests taken = take_foreign_requests(foreign_queue_of(heap));
  std::size_t count = 0;
  for (const ForeignRequest* request = taken.frees; request != nullptr; request = request->next) ++count;
  free_blocks(heap, taken.frees);
  free_requests(taken.frees);
  give_up(foreign_queue_of(heap), taken.others);
  return count;
}

void discard_foreign_requests(detail::ForeignQueue& queue) noexcept {
  ForeignRequests taken = take_foreign_requests(queue);
  free_requests(taken.frees);
  give_up(queue, taken.others);
}

void discard_foreign_frees(Heap& heap) noexcept { discard_foreign_requests(foreign_queue_of(heap)); }

}  // namespace afterimage
