// afterimage/construction.h: how the construction of a reactor is logged (Options::genesis), and repeated in another build.
//
// It is logged like an event: its type is the function type T(Arguments...), its payload the arguments, each as u32 bytes and
// then its value. An argument can be logged if it is trivially copyable (and, as with events, holds no pointers), text, a vector of
// trivially copyable elements, a ReactorRef, or has an afterimage::Codec. A reactor with any other is recorded all the same, but
// cannot be tested with another build; the recording says why.
#pragma once
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <vector>

#include "afterimage/codec.h"
#include "afterimage/event_type.h"
#include "afterimage/heap.h"

namespace afterimage::detail {

class ReactorCore;

inline void append_bytes(Bytes& out, const void* data, std::size_t bytes) {
  const auto* const first = static_cast<const std::byte*>(data);
  out.insert(out.end(), first, first + bytes);
}

template <typename A>
inline constexpr bool holds_a_pointer = std::is_pointer_v<A> || std::is_member_pointer_v<A> || std::is_null_pointer_v<A>;
template <typename A>
inline constexpr bool holds_a_pointer<std::reference_wrapper<A>> = true;
template <typename A, std::size_t N>
inline constexpr bool holds_a_pointer<std::span<A, N>> = true;

// One argument (decayed): its bytes while recording; constructed from them, and kept for as long as the process lives, in a
// test. `bytes`: how many there must be, 0 for any number. This one cannot be logged: it may be abstract, or not even defined.
template <typename A>
struct Argument {
  static constexpr bool can_be_logged = false;
};

template <typename A>
concept NothingButBytes = requires { sizeof(A); } && std::is_trivially_copyable_v<A> && !holds_a_pointer<A> && !HasCodec<A>;

template <NothingButBytes A>
struct Argument<A> {
  static constexpr bool can_be_logged = true;
  static constexpr std::size_t bytes = sizeof(A);
  static void encode(const A& argument, Bytes& out) { append_bytes(out, &argument, sizeof argument); }
  explicit Argument(std::span<const std::byte> payload) : value(copied(payload)) {}
  A value;

 private:
  static A copied(std::span<const std::byte> payload) {
    std::array<std::byte, sizeof(A)> raw{};
    std::memcpy(raw.data(), payload.data(), sizeof(A));
    return std::bit_cast<A>(raw);
  }
};

template <HasCodec A>
struct Argument<A> {
  static constexpr bool can_be_logged = true;
  static constexpr std::size_t bytes = 0;
  static void encode(const A& argument, Bytes& out) { Codec<A>::encode(argument, out); }
  explicit Argument(std::span<const std::byte> payload) : value(Codec<A>::decode(payload)) {}
  A value;
};

template <typename Container>
struct SequenceArgument {
  using Element = typename Container::value_type;
  static constexpr bool can_be_logged = true;
  static constexpr std::size_t bytes = 0;
  static void encode(const Container& argument, Bytes& out) {
    append_bytes(out, argument.data(), argument.size() * sizeof(Element));
  }
  explicit SequenceArgument(std::span<const std::byte> payload) {
    value.resize(payload.size() / sizeof(Element));
    if (!value.empty()) std::memcpy(static_cast<void*>(value.data()), payload.data(), value.size() * sizeof(Element));
  }
  Container value;
};
template <typename Character>
struct Argument<std::basic_string<Character>> : SequenceArgument<std::basic_string<Character>> {
  using SequenceArgument<std::basic_string<Character>>::SequenceArgument;
};
template <NothingButBytes Element>
  requires(!std::is_same_v<Element, bool>)
struct Argument<std::vector<Element>> : SequenceArgument<std::vector<Element>> {
  using SequenceArgument<std::vector<Element>>::SequenceArgument;
};

// Holds a pointer, and so is not taken for nothing but bytes.
template <>
inline constexpr bool holds_a_pointer<std::string_view> = true;
template <>
struct Argument<std::string_view> {
  static constexpr bool can_be_logged = true;
  static constexpr std::size_t bytes = 0;
  static void encode(std::string_view argument, Bytes& out) { append_bytes(out, argument.data(), argument.size()); }
  explicit Argument(std::span<const std::byte> payload)
      : text(reinterpret_cast<const char*>(payload.data()), payload.size()), value(text) {}
  Argument(const Argument&) = delete;
  Argument& operator=(const Argument&) = delete;
  std::string text;
  std::string_view value;
};

// With its NUL; a null pointer has no bytes at all.
template <>
struct Argument<const char*> {
  static constexpr bool can_be_logged = true;
  static constexpr std::size_t bytes = 0;
  static void encode(const char* argument, Bytes& out) {
    if (argument != nullptr) append_bytes(out, argument, std::strlen(argument) + 1);
  }
  explicit Argument(std::span<const std::byte> payload)
      : text(reinterpret_cast<const char*>(payload.data()), payload.size()), value(text.empty() ? nullptr : text.c_str()) {}
  Argument(const Argument&) = delete;
  Argument& operator=(const Argument&) = delete;
  std::string text;
  const char* value;
};

template <typename A>
void encode_argument(const A& argument, Bytes& out) {
  const std::size_t at = out.size();
  out.resize(at + sizeof(std::uint32_t));
  Argument<A>::encode(argument, out);
  const auto bytes = static_cast<std::uint32_t>(out.size() - at - sizeof(std::uint32_t));
  std::memcpy(out.data() + at, &bytes, sizeof bytes);
}

// The arguments in a payload, one by one.
class ArgumentReader {
 public:
  explicit ArgumentReader(std::span<const std::byte> payload) noexcept : left_(payload) {}
  // `wanted`: how many bytes it must have, 0 for any number. Notes the first one that is otherwise.
  std::span<const std::byte> next(std::size_t wanted) noexcept {
    ++number_;
    std::uint32_t bytes = 0;
    if (left_.size() >= sizeof bytes) std::memcpy(&bytes, left_.data(), sizeof bytes);
    const bool right = left_.size() >= sizeof bytes + bytes && (wanted == 0 || wanted == bytes);
    if (!right && wrong_ == 0) wrong_ = number_;
    if (wrong_ != 0) return {};
    const auto argument = left_.subspan(sizeof bytes, bytes);
    left_ = left_.subspan(sizeof bytes + bytes);
    return argument;
  }
  std::size_t wrong() const noexcept { return wrong_; }  // counted from 1; 0: none

 private:
  std::span<const std::byte> left_;
  std::size_t number_ = 0, wrong_ = 0;
};

// What the thunk of a construction is given as its object.
struct Constructed {
  void* object = nullptr;
  std::size_t wrong_argument = 0;  // counted from 1: it has another size in this build
};

// As it was given: an array has become a pointer.
template <typename A, typename Value>
decltype(auto) passed_on(Value& value) {
  if constexpr (std::is_array_v<std::remove_reference_t<A>>) return (value);
  else return static_cast<A&&>(value);
}

// Called in the reactor's heap. Decodes the arguments outside, as it was when recorded.
template <typename T, typename... Args>
void construct_thunk(void* constructed, const std::byte* payload, std::size_t bytes) {
  Heap* const heap = exchange_current_heap(nullptr);
  auto& result = *static_cast<Constructed*>(constructed);
  ArgumentReader reader({payload, bytes});
  const std::array<std::span<const std::byte>, sizeof...(Args)> payloads{reader.next(Argument<std::decay_t<Args>>::bytes)...};
  result.wrong_argument = reader.wrong();
  if (result.wrong_argument != 0) return;
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    // Never freed: the reactor may have kept references.
    [[maybe_unused]] auto* const arguments = new std::tuple<Argument<std::decay_t<Args>>...>(payloads[I]...);
    const HeapScope scope(heap);
    result.object = new T(passed_on<Args>(std::get<I>(*arguments).value)...);
  }(std::index_sequence_for<Args...>{});
}

// What an argument is called in the name of the construction. One that cannot be logged may have no type of its own.
template <typename A>
using Named = std::conditional_t<Argument<std::decay_t<A>>::can_be_logged, std::decay_t<A>, std::remove_reference_t<A>&>;

template <typename T, typename... Args>
inline constexpr EventTypeInfo construction_type{.type = &typeid(T(Named<Args>...)),
                                                 .thunk = &construct_thunk<T, Args...>,
                                                 .codec = PayloadCodec::custom,
                                                 .bytes = 0,
                                                 .align = 1,
                                                 .has_padding = false,
                                                 .clear_padding = nullptr};

template <typename T, typename... Args>
inline const RegisteredEvent registered_construction(typeid(T), construction_type<T, Args...>);

AFTERIMAGE_API bool logs_construction(const ReactorCore* core) noexcept;

// The time in which a reactor is constructed: this thread allocates in its heap, and what it asks of the world is logged, if
// constructions are.
class [[nodiscard, gnu::visibility("default")]] Construction {
 public:
  // `type` is null when the arguments cannot be logged.
  Construction(ReactorCore* core, const std::type_info& signature, const EventTypeInfo* type, const Bytes& arguments) noexcept;
  ~Construction();
  Construction(const Construction&) = delete;
  Construction& operator=(const Construction&) = delete;

 private:
  Heap* previous_heap_;
  ReactorCore* previous_core_ = nullptr;
  bool logged_;
};

template <typename T, typename... Args>
T* construct(ReactorCore* core, Args&&... args) {
  const EventTypeInfo* type = nullptr;
  Bytes arguments;
  if constexpr ((Argument<std::decay_t<Args>>::can_be_logged && ...)) {
    keep(registered_construction<T, Args...>);
    type = &construction_type<T, Args...>;
    if (logs_construction(core)) {
      const OutsideScope outside;
      (encode_argument<std::decay_t<Args>>(args, arguments), ...);
    }
  }
  const Construction construction(core, typeid(T(Named<Args>...)), type, arguments);
  return new T(std::forward<Args>(args)...);
}

}  // namespace afterimage::detail
