// Copies of pages in memory of a fixed size, each shared by as many as need it.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace afterimage::replay {

class PageStore {
 public:
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};

  PageStore() = default;
  ~PageStore() { close(); }
  PageStore(const PageStore&) = delete;
  PageStore& operator=(const PageStore&) = delete;

  // False when the system does not give that much.
  bool open(std::size_t pages);
  void close() noexcept;
  bool is_open() const noexcept { return memory_ != nullptr; }

  // A copy used once; kNone when the store is full.
  std::uint32_t keep(const void* page);
  void share(std::uint32_t copy) noexcept { ++uses_[copy]; }
  void release(std::uint32_t copy);
  const std::byte* at(std::uint32_t copy) const noexcept;
  std::size_t room() const noexcept { return free_.size(); }

 private:
  std::byte* memory_ = nullptr;
  std::vector<std::uint32_t> uses_, free_;
};

}  // namespace afterimage::replay
