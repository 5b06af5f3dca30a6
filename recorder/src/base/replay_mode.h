// Whether this process records or replays, known before any static constructor of the program runs.
#pragma once
#include <cstddef>
#include <cstdint>

namespace afterimage::detail {
struct EventTypeInfo;
}

namespace afterimage {

// What `deliver` does in the replayer, where events come from the log and only from there.
struct ReplayHooks {
  // A delivery to reactor `id` from inside react(), which must not be carried out.
  void (*outbound)(std::uint32_t id, const detail::EventTypeInfo& type, const void* payload, std::size_t bytes) noexcept;
};

// Null while recording.
extern const ReplayHooks* replay_hooks;

}  // namespace afterimage
