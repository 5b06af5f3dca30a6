#include "thread_locals.h"

#include <link.h>

#include <cstring>
#include <vector>

#include "base/hash.h"
#include "code.h"
#include "findings.h"
#include "reactors.h"

namespace afterimage::check {
namespace {

constexpr std::size_t kMostBytes = 64 * 1024;  // of one module: larger blocks are not looked at

struct Block {
  std::uintptr_t module;  // where it is
  const std::byte* data;  // this thread's
  std::size_t bytes;
};

template <typename F>
void for_each_block(F&& f) noexcept {
  const auto visit = [](dl_phdr_info* info, std::size_t, void* context) {
    if (info->dlpi_tls_data == nullptr) return 0;
    for (int i = 0; i < info->dlpi_phnum; ++i) {
      const ElfW(Phdr)& segment = info->dlpi_phdr[i];
      const std::uintptr_t address = info->dlpi_addr + segment.p_vaddr;
      if (segment.p_type != PT_TLS || segment.p_memsz > kMostBytes || code_at(address) != Code::program) continue;
      (*static_cast<F*>(context))(Block{info->dlpi_addr, static_cast<const std::byte*>(info->dlpi_tls_data), segment.p_memsz});
    }
    return 0;
  };
  dl_iterate_phdr(visit, &f);
}

thread_local std::vector<std::byte> t_before;

// What has changed of a block: bytes that follow each other, such as the state of a random number generator, or a pointer.
struct Change {
  std::size_t from, to;
  const LiveReactor* owner;  // of what the pointer leads to
};

void note_change(const Event& event, const Block& block, const Change& change) noexcept {
  if (change.from == change.to) return;
  Finding finding = new_finding(Kind::thread_local_write, event.reactor, event.number);
  finding.address = change.from;
  finding.value = block.module;
  finding.extra[0] = change.to - change.from;
  finding.extra[1] = change.owner != nullptr;
  if (change.owner != nullptr) finding.detail = change.owner->id;
  note(hash_mix(hash_mix(hash_mix(block.module, change.from), finding.extra[1]), event.reactor), finding, {});
}

const LiveReactor* owner_of_target(const std::byte* word, std::size_t bytes) noexcept {
  const void* target = nullptr;
  std::memcpy(&target, word, bytes);
  return reactor_at(target);
}

void compare(const Event& event, const Block& block, const std::byte* before) noexcept {
  constexpr std::size_t kStep = sizeof(void*);
  Change change{};
  for (std::size_t at = 0; at < block.bytes; at += kStep) {
    const std::size_t bytes = block.bytes - at < kStep ? block.bytes - at : kStep;
    if (std::memcmp(before + at, block.data + at, bytes) == 0) continue;
    const LiveReactor* const owner = owner_of_target(block.data + at, bytes);
    if (at != change.to || owner != change.owner) {
      note_change(event, block, change);
      change = {at, at, owner};
      while (before[change.from] == block.data[change.from]) ++change.from;
    }
    change.to = at + bytes;
  }
  note_change(event, block, change);
}

}  // namespace

void remember_thread_locals() noexcept {
  t_before.clear();
  for_each_block([](const Block& block) { t_before.insert(t_before.end(), block.data, block.data + block.bytes); });
}

ThreadLocal thread_local_at(std::uint64_t address) noexcept {
  ThreadLocal found{};
  for_each_block([&](const Block& block) {
    const std::uint64_t offset = address - reinterpret_cast<std::uintptr_t>(block.data);
    if (offset < block.bytes) found = {block.module, offset};
  });
  return found;
}

void compare_thread_locals(const Event& event) noexcept {
  std::size_t at = 0;
  for_each_block([&](const Block& block) {
    if (at + block.bytes > t_before.size()) return;  // a library was loaded meanwhile
    compare(event, block, t_before.data() + at);
    at += block.bytes;
  });
}

}  // namespace afterimage::check
