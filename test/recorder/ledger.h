// A reactor with all that a program's own have: trees, hash tables, strings, virtual functions, closures, shared and weak pointers.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/hash.h"
#include "heap/heap.h"

struct Booking {
  std::uint64_t number;
  std::uint64_t account;
  std::int64_t cents;
};

class Fee {
 public:
  virtual ~Fee() = default;
  virtual std::int64_t of(std::int64_t cents) const = 0;
};
class FlatFee : public Fee {
 public:
  std::int64_t of(std::int64_t) const override { return 25; }
};
class ProportionalFee : public Fee {
 public:
  explicit ProportionalFee(std::int64_t part) : part_(part) {}
  std::int64_t of(std::int64_t cents) const override { return cents / part_; }

 private:
  std::int64_t part_;
};

class Ledger {
 public:
  Ledger() {
    fees_.push_back(std::make_unique<FlatFee>());
    fees_.push_back(std::make_unique<ProportionalFee>(100));
    audit_ = [this](const Booking& booking) { checked_ += booking.number + balances_.size(); };
  }

  void react(const Booking& booking) {
    const std::string name = "account number " + std::to_string(booking.account % 40);
    balances_[name] += booking.cents - fees_[booking.number % fees_.size()]->of(booking.cents);
    history_[booking.account % 60].push_back(std::make_shared<Booking>(booking));
    latest_ = history_[booking.account % 60].back();
    if (history_[booking.account % 60].size() > 5) history_.erase(booking.account % 60);
    if (booking.number % 7 == 0 && !balances_.empty()) balances_.erase(balances_.begin());
    journal_.push_back(name + " is booked, as is known");
    if (journal_.size() > 100) journal_.erase(journal_.begin(), journal_.begin() + 50);
    audit_(booking);
  }

  // Of all values, and of where they are: distances from this object are the same in every slot.
  std::uint64_t digest() const {
    std::uint64_t hash = afterimage::heap_of(this)->fingerprint();
    for (const auto& [name, cents] : balances_) {
      hash = with_place(with_text(hash, name), &name);
      hash = afterimage::hash_mix(hash, static_cast<std::uint64_t>(cents));
    }
    for (const auto& [account, bookings] : history_)  // in the order of its buckets
      for (const auto& booking : bookings) hash = with_place(afterimage::hash_mix(hash, account ^ booking->number), booking.get());
    for (const std::string& line : journal_) hash = with_place(with_text(hash, line), line.data());
    hash = afterimage::hash_mix(hash, checked_);
    return latest_.expired() ? hash : with_place(hash, latest_.lock().get());
  }
  std::uint64_t checked() const { return checked_; }

 private:
  static std::uint64_t with_text(std::uint64_t hash, const std::string& text) { return afterimage::hash_bytes(hash, text.data(), text.size()); }
  std::uint64_t with_place(std::uint64_t hash, const void* place) const {
    return afterimage::hash_mix(hash, reinterpret_cast<std::uintptr_t>(place) - reinterpret_cast<std::uintptr_t>(this));
  }

  std::map<std::string, std::int64_t> balances_;
  std::unordered_map<std::uint64_t, std::vector<std::shared_ptr<Booking>>> history_;
  std::weak_ptr<Booking> latest_;
  std::vector<std::string> journal_;
  std::vector<std::unique_ptr<Fee>> fees_;
  std::function<void(const Booking&)> audit_;
  std::uint64_t checked_ = 0;
};

// The same for the same number.
inline Booking booking(std::uint64_t number) {
  const std::uint64_t chance = afterimage::hash_mix(number, 4711);
  return {number, chance % 1000, static_cast<std::int64_t>(chance >> 40) - (1 << 20)};
}
