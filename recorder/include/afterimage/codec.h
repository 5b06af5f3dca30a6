// How an event becomes bytes in the log, and bytes become an event in the replayer. There are three ways:
//
//   trivially copyable     nothing to do. The cheapest
//   Codec                  two functions to write. The bytes are yours: small in the log, and another build of the program reads them, too
//   deliver_made()         nothing to write (afterimage/made.h), for strings, containers, variants, shared_ptr. react() may keep what the
//                          event owns. Costs more, in time and in the log; for the recorded build only
//
// Nothing is to be done for trivially copyable structs without pointers, and for std::span<const std::byte>: their bytes are
// the payload, and `react()` receives them at a fixed address inside the reactor's slot (the inbox), so that even the
// event's address is the same in the replay. That holds for up to 31 MiB, nested events counted; what is larger lies where the
// sender has it, and in the replay elsewhere, aligned as its type says. Any other type needs a specialisation:
//
//     template <>
//     struct afterimage::Codec<Order> {
//       static void encode(const Order& order, afterimage::Bytes& out);        // append to out
//       static Order decode(std::span<const std::byte> payload);
//     };
//
// Both run outside every reactor heap. What encode() throws goes to the caller of deliver(): the event is then neither in the log
// nor delivered. decode() runs in the replayer only, on what encode() has written.
#pragma once
#include <cstddef>
#include <span>
#include <type_traits>
#include <vector>

namespace afterimage {

using Bytes = std::vector<std::byte>;

template <typename E>
struct Codec;  // not defined: specialise it for events that are not trivially copyable

namespace detail {

template <typename E>
concept HasCodec = requires(const E& event, Bytes& out, std::span<const std::byte> payload) {
  Codec<E>::encode(event, out);
  { Codec<E>::decode(payload) } -> std::convertible_to<E>;
};

template <typename E>
inline constexpr bool is_raw_bytes = std::is_same_v<E, std::span<const std::byte>>;

template <typename E>
concept DeliveredInPlace = is_raw_bytes<E> || (std::is_trivially_copyable_v<E> && !HasCodec<E>);

template <typename E>
concept Deliverable = DeliveredInPlace<E> || HasCodec<E>;

}  // namespace detail
}  // namespace afterimage
