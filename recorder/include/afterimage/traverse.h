// afterimage/traverse.h: how a reactor shows its pointers, so that it can be moved without guessing.
//
//     struct Person {
//       template <typename V> void traverse(V& v) { v(name, before, after, home); }
//       ...
//     };
//
// A replay puts a reactor where it was recorded. If something else is there, the reactor is moved, and all that points into it must be
// changed. A reactor with `traverse` is walked then: it names its members to `v`, those in turn theirs, and so on through every
// container, smart pointer and raw pointer. Others are searched for words that look like pointers.
//
// In a class with virtual functions write `virtual void traverse(afterimage::Traversal& v)`, and call the base's. For a type that
// cannot be changed: a function `traverse(afterimage::Traversal&, Type&)` in its namespace. A raw pointer leads to an object that
// lives, or is null; what else it may be (an end, a place that may be gone) is named by `v.address(pointer)`. Members without
// pointers need not be named. A type that says nothing is searched, and its name is told. Only reading is allowed in there:
// pointers may lead to the old place until they have been named.
//
// The containers are those of libstdc++, whose layout is part of its binary interface.
#pragma once
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <typeinfo>

#if !defined(AFTERIMAGE_API)
#define AFTERIMAGE_API __attribute__((visibility("default")))
#endif

namespace afterimage {

class Traversal;

namespace detail {

// How a type names its pointers; specialised in afterimage/traverse_std.h for those of the standard library.
template <typename T>
struct PointersOf;

template <typename T>
void traverse_at(Traversal& traversal, void* object);

}  // namespace detail

class AFTERIMAGE_API Traversal {
 public:
  template <typename... Members>
  void operator()(Members&... members) {
    (detail::PointersOf<std::remove_cv_t<Members>>::traverse(*this, const_cast<std::remove_cv_t<Members>&>(members)), ...);
  }
  // A pointer whose object is not to be looked at.
  template <typename T>
  void address(T*& pointer) {
    shift(const_cast<std::remove_cv_t<T>**>(&pointer));
  }

  // For customizations. `place`: of a pointer; true if it leads into the reactor's memory.
  bool shift(void* place) noexcept;
  // Now or later, if it lives and has not been looked at in this way.
  void follow(const void* object, void (*traverse)(Traversal&, void*));
  // What says nothing about itself: the words that look like pointers. Told under its name.
  void search(void* memory, std::size_t bytes, const std::type_info& type);
  // The whole heap block that begins there, or in which the object is.
  void search_block(const void* object, const std::type_info& type);
  // A container in which things are found by their address: it has another order now.
  void is_hashed_by_address(const std::type_info& container);

 private:
  friend class TraversalRun;
  explicit Traversal(class TraversalRun& run) noexcept : run_(run) {}
  class TraversalRun& run_;
};

namespace detail {

template <typename T>
concept TraversesItself = requires(T& object, Traversal& traversal) { object.traverse(traversal); };
template <typename T>
concept TraversedByOthers = requires(T& object, Traversal& traversal) { traverse(traversal, object); };

// Outside of the classes, whose own `traverse` would hide it.
template <typename T>
void found_by_argument(Traversal& traversal, T& object) {
  traverse(traversal, object);
}

template <typename T>
inline constexpr bool has_no_pointers = std::is_arithmetic_v<T> || std::is_enum_v<T> || std::is_member_pointer_v<T> || std::is_null_pointer_v<T> ||
                                        std::is_empty_v<T> || (std::is_pointer_v<T> && std::is_function_v<std::remove_pointer_t<T>>);
template <typename T, std::size_t N>
inline constexpr bool has_no_pointers<T[N]> = has_no_pointers<T>;

template <typename T>
struct PointersOf {
  static void traverse(Traversal& traversal, T& object) {
    if constexpr (TraversesItself<T>) object.traverse(traversal);
    else if constexpr (TraversedByOthers<T>) found_by_argument(traversal, object);
    else if constexpr (!has_no_pointers<T>) traversal.search(&object, sizeof object, typeid(T));
  }
};

template <typename T>
void traverse_at(Traversal& traversal, void* object) {
  traversal(*static_cast<T*>(object));
}

template <typename T>
  requires(!std::is_function_v<T>)
struct PointersOf<T*> {
  static void traverse(Traversal& traversal, T*& pointer) {
    using Object = std::remove_cv_t<T>;
    if (!traversal.shift(const_cast<Object**>(&pointer))) return;
    if constexpr (std::is_void_v<T>) traversal.search_block(pointer, typeid(T*));
    else if constexpr (std::is_polymorphic_v<T> && !TraversesItself<T>) traversal.search_block(pointer, typeid(T));
    else if constexpr (!has_no_pointers<Object>) traversal.follow(pointer, &traverse_at<Object>);
  }
};

template <typename T, std::size_t N>
struct PointersOf<T[N]> {
  static void traverse(Traversal& traversal, T (&array)[N]) {
    if constexpr (!has_no_pointers<T>)
      for (T& element : array) traversal(element);
  }
};

}  // namespace detail
}  // namespace afterimage

#include "afterimage/traverse_std.h"
