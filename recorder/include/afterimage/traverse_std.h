// The pointers of the standard library's types (libstdc++), for afterimage/traverse.h, which includes this.
//
// A container is walked in two steps: first its own links, by the layout of libstdc++'s nodes, after which it works again; then
// its elements, by iterators.
#pragma once
#include <array>
#include <cstdint>
#include <deque>
#include <forward_list>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

#include "afterimage/traverse.h"

namespace afterimage::detail {

// An object as the words that it consists of.
template <typename T>
std::uintptr_t* words_of(T& object) noexcept {
  return reinterpret_cast<std::uintptr_t*>(const_cast<std::remove_cv_t<T>*>(&object));
}
inline std::uintptr_t* words_at(std::uintptr_t address) noexcept { return reinterpret_cast<std::uintptr_t*>(address); }

template <typename Container>
void traverse_elements(Traversal& traversal, Container& container) {
  using Element = std::remove_cv_t<typename Container::value_type>;
  if constexpr (!has_no_pointers<Element>)
    for (auto& element : container) traversal(element);
}

template <typename C, typename Traits, typename Allocator>
struct PointersOf<std::basic_string<C, Traits, Allocator>> {  // a short one points into itself
  static void traverse(Traversal& traversal, std::basic_string<C, Traits, Allocator>& string) { traversal.shift(words_of(string)); }
};

template <typename C, typename Traits>
struct PointersOf<std::basic_string_view<C, Traits>> {  // bytes, then the address
  static void traverse(Traversal& traversal, std::basic_string_view<C, Traits>& view) { traversal.shift(words_of(view) + 1); }
};

template <typename T, std::size_t N>
struct PointersOf<std::span<T, N>> {
  static void traverse(Traversal& traversal, std::span<T, N>& span) { traversal.shift(words_of(span)); }
};

template <typename T, typename Allocator>
struct PointersOf<std::vector<T, Allocator>> {
  static_assert(sizeof(std::vector<T, Allocator>) == (std::is_same_v<T, bool> ? 5 : 3) * sizeof(std::uintptr_t));
  static void traverse(Traversal& traversal, std::vector<T, Allocator>& vector) {
    constexpr std::size_t kStep = std::is_same_v<T, bool> ? 2 : 1;  // of bits: beside each address a number of bits
    for (std::size_t i = 0; i < 3; ++i) traversal.shift(words_of(vector) + i * kStep);
    if constexpr (!std::is_same_v<T, bool>) traverse_elements(traversal, vector);
  }
};

// Its map; then begin and end: current, first and last of a chunk, and the chunk's entry in the map.
template <typename T, typename Allocator>
struct PointersOf<std::deque<T, Allocator>> {
  static_assert(sizeof(std::deque<T, Allocator>) == 10 * sizeof(std::uintptr_t));
  static void traverse(Traversal& traversal, std::deque<T, Allocator>& deque) {
    std::uintptr_t* const words = words_of(deque);
    traversal.shift(words);
    for (std::size_t i = 2; i < 10; ++i) traversal.shift(words + i);
    for (std::uintptr_t* entry = words_at(words[5]); entry <= words_at(words[9]); ++entry) traversal.shift(entry);
    traverse_elements(traversal, deque);
  }
};

// A ring of next and previous through the object itself.
template <typename T, typename Allocator>
struct PointersOf<std::list<T, Allocator>> {
  static void traverse(Traversal& traversal, std::list<T, Allocator>& list) {
    std::uintptr_t* const ring = words_of(list);
    std::uintptr_t* node = ring;
    do {
      traversal.shift(node);
      traversal.shift(node + 1);
      node = words_at(*node);
    } while (node != ring);
    traverse_elements(traversal, list);
  }
};

template <typename T, typename Allocator>
struct PointersOf<std::forward_list<T, Allocator>> {
  static void traverse(Traversal& traversal, std::forward_list<T, Allocator>& list) {
    for (std::uintptr_t* link = words_of(list); link != nullptr; link = words_at(*link)) traversal.shift(link);
    traverse_elements(traversal, list);
  }
};

// Red-black trees: colour, parent, left, right in each node and in the head, which ends the object together with the size.
inline void traverse_nodes(Traversal& traversal, std::uintptr_t* node) {
  while (node != nullptr) {  // a balanced tree: it is not deep
    for (std::size_t i = 1; i <= 3; ++i) traversal.shift(node + i);
    traverse_nodes(traversal, words_at(node[2]));
    node = words_at(node[3]);
  }
}

template <typename Tree>
void traverse_ordered(Traversal& traversal, Tree& tree) {
  constexpr std::size_t kHeadWords = 5;
  std::uintptr_t* const head = words_of(tree) + sizeof(Tree) / sizeof(std::uintptr_t) - kHeadWords;
  for (std::size_t i = 1; i <= 3; ++i) traversal.shift(head + i);
  traverse_nodes(traversal, words_at(head[1]));
  traverse_elements(traversal, tree);
}

// Addresses have other hashes at another place: the nodes are dealt out again, as libstdc++ does it when a table grows. Each bucket has
// the link that leads to its first node.
template <typename Table>
void deal_out_again(Table& table) {
  std::uintptr_t* const words = words_of(table);
  std::uintptr_t* const buckets = words_at(words[0]);
  std::uintptr_t* const first = words + 2;
  const auto bucket_of = [&](const std::uintptr_t* node) {
    return table.hash_function()(*reinterpret_cast<const typename Table::key_type*>(node + 1)) % words[1];
  };
  std::uintptr_t* next = words_at(std::exchange(*first, 0));
  for (std::uintptr_t i = 0; i < words[1]; ++i) buckets[i] = 0;
  for (std::uintptr_t* node = next; node != nullptr; node = next) {
    next = words_at(node[0]);
    std::uintptr_t& bucket = buckets[bucket_of(node)];
    if (bucket != 0) {
      node[0] = std::exchange(*words_at(bucket), reinterpret_cast<std::uintptr_t>(node));
      continue;
    }
    node[0] = std::exchange(*first, reinterpret_cast<std::uintptr_t>(node));
    bucket = reinterpret_cast<std::uintptr_t>(first);
    if (node[0] != 0) buckets[bucket_of(words_at(node[0]))] = reinterpret_cast<std::uintptr_t>(node);
  }
}

// Buckets, their number, the list of all nodes, their number, the policy (two words), and the bucket of small tables.
template <typename Table>
void traverse_hashed(Traversal& traversal, Table& table) {
  static_assert(sizeof(Table) == 7 * sizeof(std::uintptr_t), "a hash or comparison with state: write traverse() for this container");
  std::uintptr_t* const words = words_of(table);
  traversal.shift(words);
  traversal.shift(words + 6);
  for (std::uintptr_t* link = words + 2; link != nullptr; link = words_at(*link)) traversal.shift(link);
  if (words[0] != reinterpret_cast<std::uintptr_t>(words + 6))
    for (std::uintptr_t i = 0; i < words[1]; ++i) traversal.shift(words_at(words[0]) + i);
  traverse_elements(traversal, table);
  if constexpr (std::is_pointer_v<typename Table::key_type>) {
    if (table.empty()) return;
    deal_out_again(table);
    traversal.is_hashed_by_address(typeid(Table));
  }
}

template <typename... Of>
struct PointersOf<std::map<Of...>> {
  static void traverse(Traversal& traversal, std::map<Of...>& tree) { traverse_ordered(traversal, tree); }
};
template <typename... Of>
struct PointersOf<std::multimap<Of...>> {
  static void traverse(Traversal& traversal, std::multimap<Of...>& tree) { traverse_ordered(traversal, tree); }
};
template <typename... Of>
struct PointersOf<std::set<Of...>> {
  static void traverse(Traversal& traversal, std::set<Of...>& tree) { traverse_ordered(traversal, tree); }
};
template <typename... Of>
struct PointersOf<std::multiset<Of...>> {
  static void traverse(Traversal& traversal, std::multiset<Of...>& tree) { traverse_ordered(traversal, tree); }
};
template <typename... Of>
struct PointersOf<std::unordered_map<Of...>> {
  static void traverse(Traversal& traversal, std::unordered_map<Of...>& table) { traverse_hashed(traversal, table); }
};
template <typename... Of>
struct PointersOf<std::unordered_multimap<Of...>> {
  static void traverse(Traversal& traversal, std::unordered_multimap<Of...>& table) { traverse_hashed(traversal, table); }
};
template <typename... Of>
struct PointersOf<std::unordered_set<Of...>> {
  static void traverse(Traversal& traversal, std::unordered_set<Of...>& table) { traverse_hashed(traversal, table); }
};
template <typename... Of>
struct PointersOf<std::unordered_multiset<Of...>> {
  static void traverse(Traversal& traversal, std::unordered_multiset<Of...>& table) { traverse_hashed(traversal, table); }
};

template <typename T, typename Deleter>
struct PointersOf<std::unique_ptr<T, Deleter>> {
  static void traverse(Traversal& traversal, std::unique_ptr<T, Deleter>& owner) {
    static_assert(sizeof(owner) == sizeof(void*), "a deleter with state: write traverse() for this pointer's class");
    traversal(*reinterpret_cast<T**>(words_of(owner)));
  }
};
template <typename T, typename Deleter>
struct PointersOf<std::unique_ptr<T[], Deleter>> {  // of how many, only the heap knows
  static void traverse(Traversal& traversal, std::unique_ptr<T[], Deleter>& owner) {
    const bool ours = traversal.shift(words_of(owner));
    if constexpr (!has_no_pointers<T>)
      if (ours) traversal.search_block(owner.get(), typeid(T[]));
  }
};

// The object and the count: a virtual table, uses, and what is needed to end the object. std::make_shared puts the object there itself. What a deleter
// has captured is not seen.
template <typename T>
void traverse_shared(Traversal& traversal, T*& object, std::uintptr_t* count) {
  traversal.shift(const_cast<std::remove_cv_t<T>**>(&object));
  if (!traversal.shift(count)) return;
  const int uses = *reinterpret_cast<const int*>(*count + sizeof(void*));
  if (uses > 0) traversal(object);
  constexpr std::uintptr_t kOwnWords = 2;  // behind them is the address of an object that is somewhere else
  traversal.shift(words_at(*count) + kOwnWords);
}
template <typename T>
struct PointersOf<std::shared_ptr<T>> {
  static void traverse(Traversal& traversal, std::shared_ptr<T>& owner) {
    traverse_shared(traversal, *reinterpret_cast<T**>(words_of(owner)), words_of(owner) + 1);
  }
};
template <typename T>
struct PointersOf<std::weak_ptr<T>> {
  static void traverse(Traversal& traversal, std::weak_ptr<T>& watcher) {
    traverse_shared(traversal, *reinterpret_cast<T**>(words_of(watcher)), words_of(watcher) + 1);
  }
};

// What it captured has no name: two words, or a block that the first one leads to.
template <typename Signature>
struct PointersOf<std::function<Signature>> {
  static void traverse(Traversal& traversal, std::function<Signature>& function) {
    if (!function) return;
    const std::type_info& target = function.target_type();
    const bool elsewhere = traversal.shift(words_of(function));
    traversal.search(words_of(function), 2 * sizeof(void*), target);
    if (elsewhere) traversal.search_block(reinterpret_cast<void*>(*words_of(function)), target);
  }
};

template <typename T>
struct PointersOf<std::reference_wrapper<T>> {
  static void traverse(Traversal& traversal, std::reference_wrapper<T>& reference) { traversal(*reinterpret_cast<T**>(words_of(reference))); }
};
template <typename T>
struct PointersOf<std::optional<T>> {
  static void traverse(Traversal& traversal, std::optional<T>& optional) {
    if (optional) traversal(*optional);
  }
};
template <typename... T>
struct PointersOf<std::variant<T...>> {
  static void traverse(Traversal& traversal, std::variant<T...>& variant) {
    if (!variant.valueless_by_exception()) std::visit([&](auto& value) { traversal(value); }, variant);
  }
};
template <typename A, typename B>
struct PointersOf<std::pair<A, B>> {
  static void traverse(Traversal& traversal, std::pair<A, B>& pair) { traversal(pair.first, pair.second); }
};
template <typename... T>
struct PointersOf<std::tuple<T...>> {
  static void traverse(Traversal& traversal, std::tuple<T...>& tuple) {
    std::apply([&](auto&... members) { traversal(members...); }, tuple);
  }
};
template <typename T, std::size_t N>
struct PointersOf<std::array<T, N>> {
  static void traverse(Traversal& traversal, std::array<T, N>& array) { traverse_elements(traversal, array); }
};

}  // namespace afterimage::detail
