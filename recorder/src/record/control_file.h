// The mapped control file. Its words may be stored from the hot path and from a crash handler.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "afterimage/status.h"
#include "format/control.h"

namespace afterimage {

class ControlFile {
 public:
  ControlFile() = default;
  ~ControlFile();
  ControlFile(const ControlFile&) = delete;
  ControlFile& operator=(const ControlFile&) = delete;

  Status create(const std::string& path, const std::uint8_t (&uuid)[16]);

  std::span<std::byte> memory() const noexcept { return {reinterpret_cast<std::byte*>(control_), control_ != nullptr ? sizeof *control_ : 0}; }
  // Null until created.
  format::Control* get() const noexcept { return control_; }
  format::ReactorSlot* slot(std::uint32_t reactor) const noexcept {
    return control_ != nullptr && reactor < format::kReactorSlots ? &control_->slots[reactor] : nullptr;
  }
  void note_failure(const Status& status) noexcept;
  void close(std::uint64_t now_ns, bool sync) noexcept;

 private:
  format::Control* control_ = nullptr;
};

// Stores one word of the control file so that another process sees it whole and in order.
inline void publish(std::uint64_t& word, std::uint64_t value) noexcept { __atomic_store_n(&word, value, __ATOMIC_RELEASE); }

// The same for a count that several threads raise.
inline void publish_at_least(std::uint64_t& word, std::uint64_t value) noexcept {
  std::uint64_t now = __atomic_load_n(&word, __ATOMIC_RELAXED);
  while (now < value && !__atomic_compare_exchange_n(&word, &now, value, true, __ATOMIC_RELEASE, __ATOMIC_RELAXED)) continue;
}

}  // namespace afterimage
