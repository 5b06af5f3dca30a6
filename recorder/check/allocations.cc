#include "allocations.h"

#include <dlfcn.h>
#include <sys/mman.h>

#include <cstring>

#include "event.h"
#include "spin_lock.h"

namespace afterimage::check {
namespace {

// An open hash table over the blocks' addresses, in memory of its own. A block looked up by an address inside of it is found
// through the granules that it covers: malloc aligns to 16 bytes, so walking back from the address meets the block's start.
constexpr std::size_t kEntries = std::size_t{1} << 20;
constexpr std::size_t kFramesKept = 16;
constexpr std::size_t kFarthest = 64 * 1024;  // how far inside a block an address may be

struct Entry {
  std::uintptr_t block;  // 0: free, 1: was in use
  std::size_t bytes;
  std::uint32_t frame_count;
  std::uint64_t frames[kFramesKept];
};

constinit SpinLock g_lock;
Entry* g_entries = nullptr;
std::size_t g_in_use = 0;
__attribute__((tls_model("initial-exec"))) thread_local bool t_busy = false;

std::size_t slot_of(std::uintptr_t block) noexcept { return (block >> 4) * 0x9E3779B97F4A7C15u >> 44; }

Entry* table() noexcept {
  if (g_entries == nullptr) {
    void* const memory = mmap(nullptr, kEntries * sizeof(Entry), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory != MAP_FAILED) g_entries = static_cast<Entry*>(memory);
  }
  return g_entries;
}

Entry* find(std::uintptr_t block) noexcept {
  for (std::size_t i = slot_of(block), steps = 0; steps < kEntries; ++i, ++steps) {
    Entry& entry = g_entries[i % kEntries];
    if (entry.block == block) return &entry;
    if (entry.block == 0) return nullptr;
  }
  return nullptr;
}

void* added(void* pointer, std::size_t bytes) noexcept {
  if (pointer == nullptr || t_busy) return pointer;
  t_busy = true;  // unwinding may allocate
  const CallStack stack = stack_here();
  t_busy = false;
  const SpinLock::Guard guard(g_lock);
  if (table() == nullptr || g_in_use > kEntries / 2) return pointer;
  const auto block = reinterpret_cast<std::uintptr_t>(pointer);
  std::size_t i = slot_of(block);
  while (g_entries[i % kEntries].block > 1 && g_entries[i % kEntries].block != block) ++i;
  Entry& entry = g_entries[i % kEntries];
  entry = {block, bytes, static_cast<std::uint32_t>(stack.count < kFramesKept ? stack.count : kFramesKept), {}};
  std::memcpy(entry.frames, stack.frames, sizeof entry.frames);
  ++g_in_use;
  return pointer;
}

void removed(void* pointer) noexcept {
  if (pointer == nullptr || g_entries == nullptr) return;
  const SpinLock::Guard guard(g_lock);
  if (Entry* const entry = find(reinterpret_cast<std::uintptr_t>(pointer))) {
    entry->block = 1;
    --g_in_use;
  }
}

// dlsym() may allocate: until it has answered, libc's own allocator is asked by its other names' addresses.
template <typename Function>
Function* next(Function*& known, const char* name) noexcept {
  if (known == nullptr) known = reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
  return known;
}

using Malloc = void*(std::size_t);
using Free = void(void*);
using Calloc = void*(std::size_t, std::size_t);
using Realloc = void*(void*, std::size_t);
Malloc* g_malloc = nullptr;
Free* g_free = nullptr;
Calloc* g_calloc = nullptr;
Realloc* g_realloc = nullptr;
Calloc* g_memalign = nullptr;

}  // namespace

Allocation allocation_at(std::uintptr_t address) noexcept {
  Allocation found;
  const SpinLock::Guard guard(g_lock);
  if (g_entries == nullptr) return found;
  for (std::uintptr_t at = address & ~std::uintptr_t{15}; address - at < kFarthest && at > kFarthest; at -= 16) {
    const Entry* const entry = find(at);
    if (entry == nullptr) continue;
    if (address - entry->block >= entry->bytes && address != entry->block) return found;
    found.block = entry->block;
    found.bytes = entry->bytes;
    found.stack.count = entry->frame_count;
    std::memcpy(found.stack.frames, entry->frames, sizeof entry->frames);
    return found;
  }
  return found;
}

}  // namespace afterimage::check

using namespace afterimage::check;

#define AFTERIMAGE_IN_FRONT extern "C" __attribute__((visibility("default")))

AFTERIMAGE_IN_FRONT void* __libc_malloc(std::size_t bytes) noexcept {
  const Pause pause;
  return added(next(g_malloc, "__libc_malloc")(bytes), bytes);
}
AFTERIMAGE_IN_FRONT void __libc_free(void* block) noexcept {
  const Pause pause;
  removed(block);
  next(g_free, "__libc_free")(block);
}
AFTERIMAGE_IN_FRONT void* __libc_calloc(std::size_t count, std::size_t bytes) noexcept {
  const Pause pause;
  return added(next(g_calloc, "__libc_calloc")(count, bytes), count * bytes);
}
AFTERIMAGE_IN_FRONT void* __libc_realloc(void* block, std::size_t bytes) noexcept {
  const Pause pause;
  removed(block);
  return added(next(g_realloc, "__libc_realloc")(block, bytes), bytes);
}
AFTERIMAGE_IN_FRONT void* __libc_memalign(std::size_t alignment, std::size_t bytes) noexcept {
  const Pause pause;
  return added(next(g_memalign, "__libc_memalign")(alignment, bytes), bytes);
}
