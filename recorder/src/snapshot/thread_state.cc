#include "snapshot/thread_state.h"

#include <link.h>

#include <algorithm>
#include <cstring>

#include "base/bits.h"

extern "C" void* __tls_get_addr(std::size_t*);  // of the loader

namespace afterimage {
namespace {

constexpr std::uint32_t kVersion = 1;

struct Head {
  std::uint32_t version, mxcsr;
  std::uint16_t x87_control, reserved;
  std::uint32_t blocks;
};
static_assert(sizeof(Head) == 16);

struct BlockHead {
  std::uint64_t module, bytes;
};

struct LoadedBlock {
  std::uintptr_t module;
  std::byte* address;  // null: this thread has not used it yet
  std::size_t bytes, id;
};

std::uintptr_t base_of(const dl_phdr_info& info) {
  std::uintptr_t low = UINTPTR_MAX;
  for (int i = 0; i < info.dlpi_phnum; ++i)
    if (info.dlpi_phdr[i].p_type == PT_LOAD) low = std::min<std::uintptr_t>(low, info.dlpi_phdr[i].p_vaddr & ~std::uintptr_t{4095});
  return info.dlpi_addr + low;
}

// Of all modules that have thread-local variables, for the calling thread.
std::vector<LoadedBlock> loaded_blocks() {
  std::vector<LoadedBlock> blocks;
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* list) {
        if (info->dlpi_tls_modid == 0) return 0;
        for (int i = 0; i < info->dlpi_phnum; ++i) {
          if (info->dlpi_phdr[i].p_type != PT_TLS || info->dlpi_phdr[i].p_memsz == 0) continue;
          static_cast<std::vector<LoadedBlock>*>(list)->push_back({base_of(*info), static_cast<std::byte*>(info->dlpi_tls_data),
                                                                   info->dlpi_phdr[i].p_memsz, info->dlpi_tls_modid});
        }
        return 0;
      },
      &blocks);
  return blocks;
}

std::byte* allocate_block(const LoadedBlock& block) {
  std::size_t index[2] = {block.id, 0};
  return static_cast<std::byte*>(__tls_get_addr(index));
}

std::byte* thread_pointer() noexcept { return static_cast<std::byte*>(__builtin_thread_pointer()); }

// The loader puts them right below the thread's pointer. Farther away there may be something else in another thread.
bool is_static(std::ptrdiff_t distance) noexcept {
  constexpr std::ptrdiff_t kFarthest = 64 * 1024;
  return distance < 0 && distance >= -kFarthest;
}

// f(head, data) for every block in the bytes; false when they do not hold what they say.
template <typename F>
bool for_blocks(std::span<const std::byte> bytes, F f) {
  Head head;
  if (bytes.size() < sizeof head) return false;
  std::memcpy(&head, bytes.data(), sizeof head);
  if (head.version != kVersion) return false;
  std::size_t at = sizeof head;
  for (std::uint32_t i = 0; i < head.blocks; ++i) {
    BlockHead block;
    if (bytes.size() - at < sizeof block) return false;
    std::memcpy(&block, bytes.data() + at, sizeof block);
    at += sizeof block;
    if (block.bytes > bytes.size() - at) return false;
    f(block, bytes.data() + at);
    at += std::min<std::size_t>(align_up(block.bytes, sizeof(std::uint64_t)), bytes.size() - at);
  }
  return true;
}

}  // namespace

void ThreadState::take() {
  bytes_.assign(sizeof(Head), std::byte{0});
  blocks_.clear();
  std::uint32_t count = 0;
  for (const LoadedBlock& block : loaded_blocks()) {
    if (std::ranges::find(modules_, block.module) == modules_.end()) continue;
    const std::byte* const address = block.address != nullptr ? block.address : allocate_block(block);
    const BlockHead head{block.module, block.bytes};
    const auto* const words = reinterpret_cast<const std::byte*>(&head);
    bytes_.insert(bytes_.end(), words, words + sizeof head);
    if (const std::ptrdiff_t distance = address - thread_pointer(); is_static(distance)) blocks_.push_back({distance, block.bytes, bytes_.size()});
    bytes_.insert(bytes_.end(), address, address + block.bytes);
    bytes_.resize(align_up(bytes_.size(), sizeof(std::uint64_t)));
    ++count;
  }
  keep();
  const Head head{.version = kVersion,
                  .mxcsr = mode_.mxcsr & ~FloatingPointMode::kStickyFlags,
                  .x87_control = mode_.x87_control,
                  .reserved = 0,
                  .blocks = count};
  std::memcpy(bytes_.data(), &head, sizeof head);
}

void ThreadState::keep_blocks() noexcept {
  for (const Block& block : blocks_) std::memcpy(bytes_.data() + block.at, thread_pointer() + block.distance, block.bytes);
}

bool ThreadState::blocks_are_current() const noexcept {
  return std::ranges::all_of(blocks_, [&](const Block& block) {
    return std::memcmp(bytes_.data() + block.at, thread_pointer() + block.distance, block.bytes) == 0;
  });
}

bool ThreadState::restore(std::span<const std::byte> bytes) {
  const std::vector<LoadedBlock> loaded = loaded_blocks();
  const bool understood = for_blocks(bytes, [&](const BlockHead& head, const std::byte* data) {
    const auto block = std::ranges::find(loaded, head.module, &LoadedBlock::module);
    if (block == loaded.end() || block->bytes != head.bytes) return;
    std::memcpy(block->address != nullptr ? block->address : allocate_block(*block), data, head.bytes);
  });
  if (!understood) return false;
  FloatingPointMode mode;
  std::memcpy(&mode.mxcsr, bytes.data() + offsetof(Head, mxcsr), sizeof mode.mxcsr);
  std::memcpy(&mode.x87_control, bytes.data() + offsetof(Head, x87_control), sizeof mode.x87_control);
  mode.set();
  return true;
}

std::vector<std::uintptr_t> ThreadState::modules_in(std::span<const std::byte> bytes) {
  std::vector<std::uintptr_t> modules;
  for_blocks(bytes, [&](const BlockHead& head, const std::byte*) { modules.push_back(head.module); });
  return modules;
}

}  // namespace afterimage
