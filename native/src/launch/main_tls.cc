#include "main_tls.h"

namespace afterimage::launch {

namespace {

constexpr std::uint64_t page_bytes = 4096;
constexpr std::uint64_t padding_limit_bytes = 4 * page_bytes;  // ld.so's heap repeats itself every few pages
constexpr int rounds_max = 30;                                 // most need three, very few more than ten
constexpr int rounds_of_one_start = 5;
constexpr std::uint64_t other_start_bytes = 1088;

const AnonymousMapping* mapping_with(Address address, const std::vector<AnonymousMapping>& mappings) {
  for (const auto& mapping : mappings) {
    if (address - mapping.begin < mapping.bytes) return &mapping;
  }
  return nullptr;
}

}  // namespace

std::optional<Address> MainTls::place_of(std::size_t mapping_number) const {
  if (given_up_ || mapping_number_ != mapping_number) return std::nullopt;
  return recorded_fs_ - offset_;
}

void MainTls::learn(Address fs, const std::vector<AnonymousMapping>& mappings) {
  if (recorded_fs_ == 0 || fs == recorded_fs_ || given_up_) return;
  const auto* mapping = mapping_with(fs, mappings);
  if (mapping == nullptr || ++rounds_ > rounds_max) return give_up(text("they are at ", hex(fs)));
  const auto missing = (recorded_fs_ - fs) % page_bytes;
  if (missing != 0) {
    mapping_number_.reset();
    // A chunk that ends in between can send us in a circle; another start leads out of it.
    const auto other_start = rounds_ % rounds_of_one_start == 0 ? other_start_bytes : 0;
    padding_bytes_ = (padding_bytes_ + missing + other_start) % padding_limit_bytes;
    throw TryAgain{text("the main thread's TLS block needs ", padding_bytes_, " bytes of padding before it")};
  }
  mapping_number_ = static_cast<std::size_t>(mapping - mappings.data());
  offset_ = fs - mapping->begin;
  throw TryAgain{text("the main thread's TLS block is in ld.so's anonymous mapping ", *mapping_number_, " and can now be placed")};
}

void MainTls::give_up(const std::string& reason) {
  given_up_ = true;
  say(text("the main thread's thread-local variables are not at their recorded addresses (thread pointer ", hex(recorded_fs_),
           "), pointers to them are wrong: ", reason, "."));
}

}  // namespace afterimage::launch
