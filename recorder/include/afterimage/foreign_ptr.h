// afterimage/foreign_ptr.h: an object of a reactor that somebody else holds.
//
//     auto quote = afterimage::make_foreign(std::make_unique<Quote>(price));              // in react() of its owner
//     trader.deliver_made([&] { return Offer{std::move(quote)}; });                          // to another reactor, or
//     quote.hand_out([&](auto handed) noexcept { printer.push(std::move(handed)); });        // to a thread
//
// Whoever drops it, destructor and free are the owner's affair: the owner gets an event of its own for that, afterimage::Dropped<P>,
// before its next event, or when it ends. That event is in the log like all others, so a replay destroys the object at the same place,
// and a debugger can stand there. In its owner's react() it is destroyed at once.
//
// To hand it to what is no reactor is a matter of the outside: hand_out() calls its function in production only. In a replay the pointer is
// as empty behind it, and the object waits for the event that destroys it.
//
// P is what owns the object: a std::unique_ptr, a std::shared_ptr, any pointer-like type.
//
// Looking at the object: its owner may at any time. A thread that is in no reactor may, as far as the owner does not write to it. In
// react() of another reactor it is a mistake, because that one's recording does not have this memory: that is said on stderr and noted in the
// recording; what that reactor needs to know has to be in its events.
//
// An owner should live longer than what it has lent. What is dropped later is not destroyed, which is said on stderr; the addresses of its
// heap are not used again until then.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

#include "afterimage/event_type.h"
#include "afterimage/posted.h"
#include "afterimage/react.h"

namespace afterimage {

namespace detail {

struct ForeignQueue;

// Where the P of a ForeignPtr<P> is: a block of the owner's heap.
struct LentObject {
  ForeignQueue* owner;                   // of an owner without a heap; else its heap's address says it
  void (*destroy)(LentObject*) noexcept;  // while it is there
};

template <typename P>
struct Lent : LentObject {
  Lent(ForeignQueue* queue, P&& held) : LentObject{queue, [](LentObject* lent) noexcept { delete static_cast<Lent*>(lent); }}, pointer(std::move(held)) {}
  ~Lent() { destroy = nullptr; }

  template <typename V>
  void traverse(V& v) {
    v(pointer);
  }
  P pointer;
};

// The reactor that this thread is in; without one what is lent belongs to nobody, and is destroyed where it is dropped.
struct Owner {
  Heap* heap;
  ForeignQueue* queue;  // null: nobody
  std::uint32_t reactor;
};
AFTERIMAGE_API Owner this_owner() noexcept;
AFTERIMAGE_API void count_lent(const Owner& owner) noexcept;

// Whether this thread is in the owner.
AFTERIMAGE_API bool is_with_owner(const LentObject* lent, std::uint32_t reactor) noexcept;
// Destroys it there; elsewhere the owner gets an event.
AFTERIMAGE_API void drop(LentObject* lent, std::uint32_t reactor, const EventTypeInfo& type) noexcept;
// Before it is destroyed: the last moment at which it must be there.
AFTERIMAGE_API bool take_back(LentObject* lent) noexcept;
// In react() of another reactor: says so.
AFTERIMAGE_API void look_at_lent(const LentObject* lent, std::uint32_t reactor) noexcept;
[[gnu::cold]] AFTERIMAGE_API void misuse_of_lent(const LentObject* lent, std::uint32_t reactor, const char* what) noexcept;

inline constexpr std::uint32_t kNobody = ~std::uint32_t{0};

}  // namespace detail

// The event by which an owner destroys what somebody else has dropped.
template <typename P>
struct Dropped {
  detail::Lent<P>* lent;
};

namespace detail {

// What it asks the library is asked outside of react(): a debugger steps from there to the destructor.
struct Destroyer {
  bool is_there;
  template <typename P>
  void react(const Dropped<P>& dropped) noexcept {
    if (is_there) delete dropped.lent;
  }
};

template <typename P>
void react_to_dropped(void*, const std::byte* payload, std::size_t) {
  const auto& dropped = *reinterpret_cast<const Dropped<P>*>(payload);
  Destroyer destroyer{take_back(dropped.lent)};
  enter_react(destroyer, dropped);
}

template <typename P>
inline constexpr EventTypeInfo dropped_type{
    .type = &typeid(Dropped<P>),
    .thunk = &react_to_dropped<P>,
    .codec = PayloadCodec::trivial,
    .bytes = std::uint32_t{sizeof(Dropped<P>)},
    .align = std::uint32_t{alignof(Dropped<P>)},
    .has_padding = false,
    .clear_padding = nullptr,
};

}  // namespace detail

template <typename P>
class ForeignPtr {
 public:
  using element_type = typename std::pointer_traits<P>::element_type;

  ForeignPtr(std::nullptr_t = nullptr) noexcept {}
  // In react() of its owner, or wherever the owner's heap is the current one. Of no pointer there is nothing to lend.
  explicit ForeignPtr(P pointer) {
    if (pointer == nullptr) return;
    const detail::Owner owner = detail::this_owner();
    const HeapScope scope(owner.heap);
    lent_ = new detail::Lent<P>(owner.heap == nullptr ? owner.queue : nullptr, std::move(pointer));
    reactor_ = owner.reactor;
    detail::count_lent(owner);
  }
  ForeignPtr(ForeignPtr&& other) noexcept : lent_(std::exchange(other.lent_, nullptr)), reactor_(other.reactor_) {}
  ForeignPtr& operator=(ForeignPtr&& other) noexcept {
    ForeignPtr moved(std::move(other));
    std::swap(lent_, moved.lent_);
    std::swap(reactor_, moved.reactor_);
    return *this;
  }
  ~ForeignPtr() { reset(); }

  // Drops the object.
  void reset() noexcept {
    if (lent_ != nullptr) detail::drop(std::exchange(lent_, nullptr), reactor_, detail::dropped_type<P>);
  }

  explicit operator bool() const noexcept { return lent_ != nullptr; }
  bool operator==(std::nullptr_t) const noexcept { return lent_ == nullptr; }
  element_type* get() const noexcept {
    if (lent_ == nullptr) return nullptr;
    detail::look_at_lent(lent_, reactor_);
    return std::to_address(lent_->pointer);
  }
  element_type& operator*() const noexcept { return *get(); }
  element_type* operator->() const noexcept { return get(); }

  // The number of the reactor that it belongs to; ~0: to none.
  std::uint32_t owner() const noexcept { return lent_ != nullptr ? reactor_ : detail::kNobody; }
  // Whether this thread is in that reactor, or there is none.
  bool is_with_owner() const noexcept { return lent_ == nullptr || detail::is_with_owner(lent_, reactor_); }

  // Gives it to take(ForeignPtr), which is called outside of the reactor, and must not throw; it may not deliver anything to this one. A
  // replay does not call it.
  template <typename Take>
  void hand_out(Take&& take) {
    static_assert(std::is_nothrow_invocable_v<Take&, ForeignPtr>, "the function must be noexcept");
    ForeignPtr handed(std::move(*this));
    if (detail::is_replaying()) {
      handed.lent_ = nullptr;
      return;
    }
    auto hand = [&] { take(std::move(handed)); };
    detail::run_outside(hand);
  }

  // Gives the pointer back; and makes another ForeignPtr of a copy of it. Both are for the owner: elsewhere nothing happens but that it
  // is said on stderr, and the result is null.
  P release() {
    if (!may_be_taken("release() of an object of another reactor: ")) return P();
    const HeapScope scope(heap_of_owner());
    P pointer = std::move(lent_->pointer);
    if (detail::take_back(lent_)) delete std::exchange(lent_, nullptr);
    return pointer;
  }
  ForeignPtr copy() const
    requires std::is_copy_constructible_v<P>
  {
    if (!may_be_taken("copy() of an object of another reactor: ")) return nullptr;
    return ForeignPtr(lent_->pointer);
  }

  template <typename V>
  void traverse(V& v) {
    v(lent_);
  }

 private:
  bool may_be_taken(const char* what) const noexcept {
    if (lent_ == nullptr) return false;
    if (is_with_owner()) return true;
    detail::misuse_of_lent(lent_, reactor_, what);
    return false;
  }
  // If this thread is with it.
  Heap* heap_of_owner() const noexcept { return reactor_ == detail::kNobody ? nullptr : detail::this_owner().heap; }

  detail::Lent<P>* lent_ = nullptr;
  std::uint32_t reactor_ = detail::kNobody;
};

template <typename P>
ForeignPtr<P> make_foreign(P pointer) {
  return ForeignPtr<P>(std::move(pointer));
}

}  // namespace afterimage
