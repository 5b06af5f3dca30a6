// A pointer that knows when its object is gone.
//
//     struct Session { ... };
//     afterimage::SafePtr<Session> session = afterimage::make_safe<Session>(user);   // in react()
//     ...
//     afterimage::safe_delete(session);     // of one that is gone already: named, and nothing is deleted
//     session->touch();                     // "use of freed memory: 0x5000..., in event 50 at Board::show(...)+0x1c; it was freed in
//                                           //  event 41 at Board::logout(...)+0x2a"
//
// It carries the id that the object's memory had, which is compared with the one it has now at every access: whoever frees it, and
// whatever is allocated there since. That is where `Options::memory` is `kinda_safe`, for memory of the reactor's own heap; for any
// other object, and in other programs, a SafePtr is a pointer. It owns nothing.
//
// A dangling access is said on stderr and noted in the recording (`afterimage info` lists it, a replay has it at the same
// place), the first 16 of a reactor. Then it goes on, as a plain pointer would; with `Options::stop_at_misuse` the program ends
// there, with SIGABRT, and so does its recording.
#pragma once
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <type_traits>
#include <utility>

#if !defined(AFTERIMAGE_API)
#define AFTERIMAGE_API __attribute__((visibility("default")))
#endif

namespace afterimage {

namespace detail {

struct BlockId {
  const std::uint32_t* current;  // where the heap keeps it
  std::uint32_t value;           // what it was
};
AFTERIMAGE_API BlockId id_of_block(const void* address) noexcept;
enum class Misuse : std::uint8_t { access, second_delete };
[[gnu::cold]] AFTERIMAGE_API void dangling(Misuse misuse, const void* address, const BlockId& id) noexcept;

}  // namespace detail

template <typename T>
class SafePtr {
 public:
  SafePtr(std::nullptr_t = nullptr) noexcept {}
  // The object must be alive. Inside react(), or wherever its reactor's heap is the current one.
  explicit SafePtr(T* object) noexcept : object_(object), id_(detail::id_of_block(object)) {}
  template <typename U>
    requires std::is_convertible_v<U*, T*>
  SafePtr(const SafePtr<U>& other) noexcept : object_(other.object_), id_(other.id_) {}

  T& operator*() const noexcept { return *get(); }
  T* operator->() const noexcept { return get(); }
  // Null, or looked at: for what takes a plain pointer.
  T* get() const noexcept {
    if (is_dangling()) [[unlikely]] detail::dangling(detail::Misuse::access, object_, id_);
    return object_;
  }
  T* unchecked() const noexcept { return object_; }
  // To ask is no access.
  bool is_dangling() const noexcept { return object_ != nullptr && *id_.current != id_.value; }

  explicit operator bool() const noexcept { return object_ != nullptr; }
  template <typename U>
  bool operator==(const SafePtr<U>& other) const noexcept { return object_ == other.object_; }
  template <typename U>
  auto operator<=>(const SafePtr<U>& other) const noexcept { return std::compare_three_way()(object_, other.object_); }
  bool operator==(std::nullptr_t) const noexcept { return object_ == nullptr; }

 private:
  template <typename U>
  friend class SafePtr;
  template <typename U>
  friend void safe_delete(SafePtr<U>& pointer);

  T* object_ = nullptr;
  detail::BlockId id_{};
};

template <typename T, typename... Arguments>
SafePtr<T> make_safe(Arguments&&... arguments) {
  return SafePtr<T>(new T(std::forward<Arguments>(arguments)...));
}

// Deletes the object, unless it is gone: then that is named, and nothing is deleted twice. `pointer` becomes null.
template <typename T>
void safe_delete(SafePtr<T>& pointer) {
  const SafePtr<T> object = std::exchange(pointer, nullptr);
  if (object.is_dangling()) return detail::dangling(detail::Misuse::second_delete, object.object_, object.id_);
  delete object.object_;
}

}  // namespace afterimage

template <typename T>
struct std::hash<afterimage::SafePtr<T>> {
  std::size_t operator()(const afterimage::SafePtr<T>& pointer) const noexcept { return std::hash<T*>()(pointer.unchecked()); }
};
