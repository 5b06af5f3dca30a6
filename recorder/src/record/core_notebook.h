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
  void note(const Event& event, const void* payload, std::size_t bytes) noexcept {
    if (block_ == nullptr) return;
    const std::size_t kept = std::min(bytes, format::kCoreEventBytesMax - sizeof(format::CoreEvent));
    const std::size_t cells = (sizeof(format::CoreEvent) + kept + format::kCoreCellBytes - 1) / format::kCoreCellBytes;
    const std::uint64_t first = take_cells(cells);
    std::uint8_t* const place = block_->ring + (first % format::kCoreCells) * format::kCoreCellBytes;
    auto* const head = reinterpret_cast<format::CoreEvent*>(place);
    head->event = event.number;
    head->time_ns = event.time_ns;
    head->reactor = event.reactor;
    head->type = event.type;
    head->cells = static_cast<std::uint16_t>(cells);
    head->bytes = static_cast<std::uint32_t>(std::min<std::size_t>(bytes, UINT32_MAX));
    head->kept = static_cast<std::uint32_t>(kept);
    const std::size_t room = static_cast<std::size_t>(std::end(block_->ring) - place) - sizeof *head;
    if (kept <= room) [[likely]] {
      copy_bytes(place + sizeof *head, payload, kept);
    } else {
      std::memcpy(place + sizeof *head, payload, room);
      std::memcpy(block_->ring, static_cast<const std::uint8_t*>(payload) + room, kept - room);
    }
    __atomic_store_n(&head->ticket, first + 1, __ATOMIC_RELEASE);
    prefetch_to_write(place + cells * format::kCoreCellBytes);  // of the next event
    prefetch_to_write(place + (cells + 1) * format::kCoreCellBytes);
  }

 private:
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
