#include "shared_words.h"

#include <cstddef>

#include "base/bits.h"
#include "code.h"
#include "findings.h"
#include "reactors.h"
#include "spin_lock.h"

namespace afterimage::check {
namespace {

constexpr std::size_t kWords = 1024;  // the first ones that were written

struct Word {
  std::uintptr_t address;
  std::uint64_t value;
  bool known;  // the value is that of the last event's end
  bool leads_in;
};

constinit SpinLock g_lock;
Word g_words[kWords];
std::size_t g_count = 0;

std::uint64_t value_at(std::uintptr_t address) noexcept { return *reinterpret_cast<const volatile std::uint64_t*>(address); }

void note_if_it_leads_in(Word& word, std::uint32_t reactor, std::uint64_t event) noexcept {
  const LiveReactor* const owner = word.leads_in ? nullptr : reactor_at(reinterpret_cast<const void*>(word.value));
  if (owner == nullptr) return;
  word.leads_in = true;
  Finding finding = new_finding(Kind::leads_in, reactor, event);
  finding.address = word.address;
  finding.value = word.value;
  finding.detail = owner->id;
  note(word.address * 37, finding, {});
}

}  // namespace

void watch_word(std::uintptr_t address) noexcept {
  const SpinLock::Guard guard(g_lock);
  address = align_down(address, sizeof(std::uint64_t));
  for (std::size_t i = 0; i < g_count; ++i)
    if (g_words[i].address == address) return;
  if (g_count < kWords) g_words[g_count++] = {address, 0, false, false};
}

void remember_words(std::uint32_t reactor, std::uint64_t event) noexcept {
  const SpinLock::Guard guard(g_lock);
  for (std::size_t i = 0; i < g_count; ++i) {
    Word& word = g_words[i];
    word.known = module_of(word.address) != nullptr;  // it may be unloaded
    if (!word.known) continue;
    word.value = value_at(word.address);
    note_if_it_leads_in(word, reactor, event);
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
