#include "snapshot/state_digest.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "base/hash.h"

namespace afterimage {
namespace {

os::AddressRange find_stack() {
  pthread_attr_t attributes;
  if (pthread_getattr_np(pthread_self(), &attributes) != 0) return {};
  void* address = nullptr;
  std::size_t bytes = 0;
  pthread_attr_getstack(&attributes, &address, &bytes);
  pthread_attr_destroy(&attributes);
  return {reinterpret_cast<std::uintptr_t>(address), bytes};
}

bool points_into(Stacks stacks, std::uint64_t word) {
  return std::ranges::any_of(stacks, [&](const os::AddressRange& stack) { return word - stack.address < stack.bytes; });
}

std::uint64_t with_memory(std::uint64_t digest, std::uintptr_t address, std::size_t bytes, Stacks stacks,
                          const Relocation& relocation) {
  const std::uintptr_t end = address + bytes;
  for (; address + sizeof(std::uint64_t) <= end; address += sizeof(std::uint64_t)) {
    // May have been moved among the program's variables, by a copy relocation.
    if (address == reinterpret_cast<std::uintptr_t>(&environ)) continue;
    std::uint64_t word;
    std::memcpy(&word, reinterpret_cast<const void*>(address), sizeof word);
    if (points_into(stacks, word)) word = ~std::uint64_t{0};
    digest = hash_mix(digest, relocation.as_recorded(word));
  }
  return hash_bytes(digest, reinterpret_cast<const void*>(address), end - address);
}

}  // namespace

os::AddressRange stack_of_this_thread() {
  thread_local const os::AddressRange stack = find_stack();
  return stack;
}

std::uint64_t heap_digest(const Heap& heap, Stacks stacks, const Relocation& relocation) {
  std::uint64_t digest = heap.fingerprint();
  heap.walk([&](const Heap::Block& block) {
    if (!block.live) return;
    digest = with_memory(hash_mix(digest, relocation.as_recorded(block.address)), block.address, block.size, stacks, relocation);
  });
  return digest;
}

std::uint64_t variables_digest(std::span<const os::AddressRange> variables, std::span<const std::byte> thread_state, Stacks stacks,
                               const Relocation& relocation) {
  std::uint64_t digest = hash_bytes(0, thread_state.data(), thread_state.size());
  for (const os::AddressRange& range : variables) 
    digest = with_memory(hash_mix(digest, range.address), range.address, range.bytes, stacks, relocation);
  return digest;
}

}  // namespace afterimage
