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

  // Of events with a payload of `bytes`. `type`: index_of() it.
  static format::CoreEventKind kind_of(std::uint32_t reactor, std::uint16_t type, std::size_t bytes) noexcept {
    const std::size_t kept = std::min(bytes, format::kCoreEventBytesMax - sizeof(format::CoreEvent));
    const std::size_t cells = (sizeof(format::CoreEvent) + kept + format::kCoreCellBytes - 1) / format::kCoreCellBytes;
    return {reactor, type, static_cast<std::uint16_t>(cells), static_cast<std::uint32_t>(std::min<std::size_t>(bytes, UINT32_MAX)),
            static_cast<std::uint32_t>(kept)};
  }

  // For a reactor that is in the block.
  [[gnu::always_inline]] void note(const format::CoreEventKind& kind, std::uint64_t event, std::uint64_t time_ns,
                                   const void* payload) noexcept {
    format::CoreBlock& block = *block_;
    const std::uint64_t first = take_cells(block, kind.cells);
    std::uint8_t* const place = block.ring + first % format::kCoreCells * format::kCoreCellBytes;
    auto* const head = reinterpret_cast<format::CoreEvent*>(place);
    head->event = event;
    head->time_ns = time_ns;
    head->kind = kind;
    if (kind.cells == 1) [[likely]] copy_bytes(head + 1, payload, kind.kept);
    else copy_around(block, place + sizeof *head, payload, kind.kept);
    __atomic_store_n(&head->ticket, first + 1, __ATOMIC_RELEASE);
    prefetch_to_write(block.ring + (first + 2) % format::kCoreCells * format::kCoreCellBytes);  // of the event after the next
  }

 private:
  // What does not fit at the ring's end goes to its beginning.
  [[gnu::noinline]] static void copy_around(format::CoreBlock& block, std::uint8_t* place, const void* payload, std::size_t bytes) noexcept {
    const auto room = static_cast<std::size_t>(std::end(block.ring) - place);
    if (bytes <= room) return copy_bytes(place, payload, bytes);
    std::memcpy(place, payload, room);
    std::memcpy(block.ring, static_cast<const std::uint8_t*>(payload) + room, bytes - room);
  }
  // A locked addition costs more than the rest of note(); a lone reactor, one thread at a time, does without.
  static std::uint64_t take_cells(format::CoreBlock& block, std::size_t cells) noexcept {
    if (block.reactors > 1) return __atomic_fetch_add(&block.next_cell, cells, __ATOMIC_RELAXED);
    const std::uint64_t first = block.next_cell;
    __atomic_store_n(&block.next_cell, first + cells, __ATOMIC_RELAXED);
    return first;
  }

  std::mutex mutex_;  // of the tables
  std::size_t place_ = 0;  // in the locator
  const detail::EventTypeInfo* types_[format::kCoreTypes] = {};
  format::CoreBlock* block_ = nullptr;
};

}  // namespace afterimage
