// afterimage/input.h: for values from outside that the recorder does not know of.
//
//     const double load = afterimage::input("load", [&] { return sensor.read(); });
//
// Inside react() the function is called while recording, and its result is logged; in a replay the result comes from the
// log, and the function is not called. Anywhere else the function is simply called.
//
// The result is trivially copyable, a string, or a vector of trivially copyable elements. The function runs outside the
// reactor's heap and must not change the reactor: in a replay it would not.
#pragma once
#include <cstddef>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "afterimage/heap.h"

namespace afterimage {

namespace detail {

enum class InputMode { outside, recording, replaying };
AFTERIMAGE_API InputMode input_mode() noexcept;
// `site`: where input() was called. `threw`: there is no value.
AFTERIMAGE_API void log_input(std::string_view name, const void* site, bool threw, const void* value, std::size_t bytes) noexcept;

struct ReplayedInput {
  enum class Outcome { value, threw, missing } outcome;  // missing: the recording has no such input here
  const void* value;
  std::size_t bytes;
};
AFTERIMAGE_API ReplayedInput replayed_input(std::string_view name, const void* site) noexcept;

template <typename T>
struct InputCodec {
  static_assert(std::is_trivially_copyable_v<T>, "afterimage::input: return a trivially copyable value, a string or a vector");
  static std::size_t bytes(const T&) { return sizeof(T); }
  static const void* data(const T& value) { return &value; }
  static T make(const void* data, std::size_t bytes) {
    T value{};
    if (bytes > 0) std::memcpy(static_cast<void*>(&value), data, bytes < sizeof value ? bytes : sizeof value);
    return value;
  }
};

template <typename Element, typename Container>
struct SequenceCodec {
  static_assert(std::is_trivially_copyable_v<Element>);
  static std::size_t bytes(const Container& value) { return value.size() * sizeof(Element); }
  static const void* data(const Container& value) { return value.data(); }
  static Container make(const void* data, std::size_t bytes) {
    Container value(bytes / sizeof(Element), Element{});
    if (!value.empty()) std::memcpy(static_cast<void*>(value.data()), data, value.size() * sizeof(Element));
    return value;
  }
};
template <typename Character>
struct InputCodec<std::basic_string<Character>> : SequenceCodec<Character, std::basic_string<Character>> {};
template <typename Element>
struct InputCodec<std::vector<Element>> : SequenceCodec<Element, std::vector<Element>> {};

}  // namespace detail

template <typename Function>
[[gnu::noinline]] auto input(std::string_view name, Function&& function) -> std::remove_cvref_t<std::invoke_result_t<Function>> {
  using T = std::remove_cvref_t<std::invoke_result_t<Function>>;
  using Codec = detail::InputCodec<T>;
  const void* const site = __builtin_return_address(0);
  const auto call = [&]() -> T {
    const OutsideScope outside;
    return std::forward<Function>(function)();
  };
  const auto mode = detail::input_mode();
  if (mode == detail::InputMode::outside) return std::forward<Function>(function)();
  if (mode == detail::InputMode::replaying) {
    const detail::ReplayedInput replayed = detail::replayed_input(name, site);
    if (replayed.outcome == detail::ReplayedInput::Outcome::threw)
      throw std::runtime_error("afterimage::input: the function threw an exception when it was recorded");
    return Codec::make(replayed.value, replayed.bytes);
  }
  const auto call_or_log = [&]() -> T {
    try {
      return call();
    } catch (...) {
      detail::log_input(name, site, true, nullptr, 0);
      throw;
    }
  };
  const T value = call_or_log();
  detail::log_input(name, site, false, Codec::data(value), Codec::bytes(value));
  return Codec::make(Codec::data(value), Codec::bytes(value));  // allocated as in the replay: inside the reactor's heap
}

}  // namespace afterimage
