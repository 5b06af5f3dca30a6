// What a core dump will tell about a recording (format/core_block.h). Kept up to date with a few stores and one short copy an
// event; nothing reads it in this process.
//
// Any number of threads may note events at the same time: each takes its cells with one atomic addition.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <span>
#include <string>

#include "afterimage/recorder.h"
#include "base/copy.h"
#include "base/prefetch.h"
#include "format/core_block.h"

namespace afterimage {

class CoreNotebook {
 public:
  CoreNotebook() = default;
  ~CoreNotebook();
  CoreNotebook(const CoreNotebook&) = delete;
  CoreNotebook& operator=(const CoreNotebook&) = delete;

  // Without memory, or with more open recordings than a core can name, there is no block, and nothing is noted.
  void open(const std::uint8_t (&uuid)[16], const std::string& path, const std::string& build_id) noexcept;
  void abandon_after_fork() noexcept;

  // Null when there is no block, or no room for this one.
  format::CoreReactor* add_reactor(std::uint32_t id, const std::string& name, const std::string& type, std::uint64_t slot_base,
                                   std::uint64_t slot_bytes, std::uint64_t object) noexcept;
  std::uint16_t index_of(const detail::EventTypeInfo& type) noexcept;

  struct Event {
    std::uint32_t reactor;
    std::uint16_t type;
    std::uint64_t number, time_ns;
  };
  // For a reactor that is in the block.
  [[gnu::always_inline]] void note(const Event& event, const void* payload, std::size_t bytes) noexcept {
    constexpr std::size_t kInOneCell = format::kCoreCellBytes - sizeof(format::CoreEvent);
    if (bytes > kInOneCell) return note_long(event, payload, bytes);
    const std::uint64_t cell = take_cells(1);
    format::CoreEvent* const head = begin(event, cell, 1, bytes, bytes);
    copy_bytes(head + 1, payload, bytes);
    __atomic_store_n(&head->ticket, cell + 1, __ATOMIC_RELEASE);
    prefetch_to_write(block_->ring + (cell + 2) % format::kCoreCells * format::kCoreCellBytes);  // of the event after the next
  }

 private:
  [[gnu::noinline]] void note_long(const Event& event, const void* payload, std::size_t bytes) noexcept {
    const std::size_t kept = std::min(bytes, format::kCoreEventBytesMax - sizeof(format::CoreEvent));
    const std::size_t cells = (sizeof(format::CoreEvent) + kept + format::kCoreCellBytes - 1) / format::kCoreCellBytes;
    const std::uint64_t first = take_cells(cells);
    format::CoreEvent* const head = begin(event, first, cells, bytes, kept);
    auto* const place = reinterpret_cast<std::uint8_t*>(head + 1);
    const auto room = static_cast<std::size_t>(std::end(block_->ring) - place);
    if (kept <= room) [[likely]] {
      copy_bytes(place, payload, kept);
    } else {
      std::memcpy(place, payload, room);
      std::memcpy(block_->ring, static_cast<const std::uint8_t*>(payload) + room, kept - room);
    }
    __atomic_store_n(&head->ticket, first + 1, __ATOMIC_RELEASE);
  }
  // All of an event's head but the ticket.
  [[gnu::always_inline]] format::CoreEvent* begin(const Event& event, std::uint64_t first, std::size_t cells, std::size_t bytes,
                                                  std::size_t kept) noexcept {
    auto* const head = reinterpret_cast<format::CoreEvent*>(block_->ring + first % format::kCoreCells * format::kCoreCellBytes);
    head->event = event.number;
    head->time_ns = event.time_ns;
    head->reactor = event.reactor;
    head->type = event.type;
    head->cells = static_cast<std::uint16_t>(cells);
    head->bytes = static_cast<std::uint32_t>(std::min<std::size_t>(bytes, UINT32_MAX));
    head->kept = static_cast<std::uint32_t>(kept);
    return head;
  }
  // A locked addition costs more than the rest of note(); a lone reactor, one thread at a time, does without.
  std::uint64_t take_cells(std::size_t cells) noexcept {
    if (block_->reactors > 1) return __atomic_fetch_add(&block_->next_cell, cells, __ATOMIC_RELAXED);
    const std::uint64_t first = block_->next_cell;
    __atomic_store_n(&block_->next_cell, first + cells, __ATOMIC_RELAXED);
    return first;
  }

  std::mutex mutex_;  // of the tables
  std::size_t place_ = 0;  // in the locator
  const detail::EventTypeInfo* types_[format::kCoreTypes] = {};
  format::CoreBlock* block_ = nullptr;
};

}  // namespace afterimage
