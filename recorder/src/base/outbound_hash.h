// The rolling hash of what a reactor sends to others during one event; computed while recording and while replaying.
#pragma once
#include <cstddef>
#include <cstdint>

#include "afterimage/recorder.h"
#include "base/hash.h"

namespace afterimage {

// Destination, kind of event, and its value, as far as the bytes are nothing but value.
inline std::uint64_t outbound_hash(std::uint64_t hash, std::uint32_t reactor, const detail::EventTypeInfo& type,
                                   const void* payload, std::size_t bytes) noexcept {
  hash = hash_mix(hash, reactor);
  hash = hash_mix(hash, reinterpret_cast<std::uintptr_t>(type.thunk));
  return type.has_padding ? hash : hash_bytes(hash, payload, bytes);
}

}  // namespace afterimage
