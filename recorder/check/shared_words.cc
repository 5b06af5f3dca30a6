#include "shared_words.h"

#include <cstddef>

#include "base/bits.h"
#include "code.h"
#include "findings.h"
#include "spin_lock.h"

namespace afterimage::check {
namespace {

constexpr std::size_t kWords = 256;  // the first ones that were written

struct Word {
  std::uintptr_t address;
  std::uint64_t value;
  bool known;  // the value is that of the last event's end
};

constinit SpinLock g_lock;
Word g_words[kWords];
std::size_t g_count = 0;

std::uint64_t value_at(std::uintptr_t address) noexcept { return *reinterpret_cast<const volatile std::uint64_t*>(address); }

}  // namespace

void watch_word(std::uintptr_t address) noexcept {
  const SpinLock::Guard guard(g_lock);
  address = align_down(address, sizeof(std::uint64_t));
  for (std::size_t i = 0; i < g_count; ++i)
    if (g_words[i].address == address) return;
  if (g_count < kWords) g_words[g_count++] = {address, 0, false};
}

void remember_words() noexcept {
  const SpinLock::Guard guard(g_lock);
  for (std::size_t i = 0; i < g_count; ++i) {
    Word& word = g_words[i];
    word.known = module_of(word.address) != nullptr;  // it may be unloaded
    if (word.known) word.value = value_at(word.address);
  }
}

void compare_words(std::uint32_t reactor, std::uint64_t event) noexcept {
  const SpinLock::Guard guard(g_lock);
  for (std::size_t i = 0; i < g_count; ++i) {
    const Word& word = g_words[i];
    if (!word.known || module_of(word.address) == nullptr || value_at(word.address) == word.value) continue;
    Finding finding = new_finding(Kind::changed_between, reactor, event);
    finding.address = word.address;
    note(word.address * 31, finding, {});
  }
}

}  // namespace afterimage::check
