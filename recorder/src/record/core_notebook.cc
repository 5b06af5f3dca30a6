#include "record/core_notebook.h"

#include <sys/mman.h>
#include <unistd.h>

#include "base/out_of_memory.h"
#include "base/type_name.h"

// Hidden, but not static: tools find it in .symtab when the note is not in the core.
extern "C" __attribute__((visibility("hidden"))) afterimage::format::CoreLocator afterimage_core_locator;
afterimage::format::CoreLocator afterimage_core_locator;

// The note AFTRIMG/1: the distance from its desc to the locator. It lies beside the build-id in the library's first page,
// which the kernel dumps by default.
asm(R"(
    .pushsection .note.afterimage, "a", @note
    .balign 4
    .long 8, 8, 1
    .asciz "AFTRIMG"
    .quad afterimage_core_locator - .
    .popsection
)");

namespace afterimage {
namespace {

std::mutex g_locator_mutex;

template <std::size_t N>
void copy_text(char (&to)[N], const std::string& text) noexcept {
  const std::size_t length = std::min(text.size(), N - 1);
  std::memcpy(to, text.data(), length);
  to[length] = '\0';
}

// Memory of its own, rather than .bss, for its place in the core. Elsewhere if that is taken: the locator names the address.
format::CoreBlock* map_block(std::size_t place) noexcept {
  void* const wanted = reinterpret_cast<void*>(format::kCoreBlocksBase + place * format::kCoreBlockStride);
  constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS;
  void* memory = mmap(wanted, sizeof(format::CoreBlock), PROT_READ | PROT_WRITE, kFlags | MAP_FIXED_NOREPLACE | MAP_POPULATE, -1, 0);
  if (memory == MAP_FAILED) memory = mmap(nullptr, sizeof(format::CoreBlock), PROT_READ | PROT_WRITE, kFlags, -1, 0);
  return memory == MAP_FAILED ? nullptr : static_cast<format::CoreBlock*>(memory);
}

// The block of a recording that was closed may be used again: a core shows the one that was open.
std::size_t free_place() noexcept {
  for (std::size_t i = 0; i < format::kCoreBlocks; ++i) {
    const auto* const block = reinterpret_cast<const format::CoreBlock*>(afterimage_core_locator.blocks[i]);
    if (block == nullptr || block->state == format::kCoreClosed) return i;
  }
  return format::kCoreBlocks;
}

}  // namespace

void CoreNotebook::open(const std::uint8_t (&uuid)[16], const std::string& path, const std::string& build_id) noexcept {
  const std::lock_guard lock(g_locator_mutex);
  place_ = free_place();
  if (place_ == format::kCoreBlocks) return;
  auto* block = reinterpret_cast<format::CoreBlock*>(afterimage_core_locator.blocks[place_]);
  if (block != nullptr) madvise(block, sizeof *block, MADV_DONTNEED);  // zero again
  else block = map_block(place_);
  if (block == nullptr) return;
  block->version = 1;
  block->block_bytes = sizeof *block;
  std::memcpy(block->uuid, uuid, sizeof block->uuid);
  block->pid = static_cast<std::uint64_t>(getpid());
  copy_text(block->build_id, build_id);
  copy_text(block->path, path);
  block->state = format::kCoreLive;
  std::memcpy(block->magic, format::kCoreBlockMagic, sizeof block->magic);
  afterimage_core_locator.version = 1;
  afterimage_core_locator.blocks[place_] = reinterpret_cast<std::uintptr_t>(block);
  afterimage_core_locator.count = std::max(afterimage_core_locator.count, static_cast<std::uint32_t>(place_ + 1));
  std::memcpy(afterimage_core_locator.magic, format::kCoreLocatorMagic, sizeof afterimage_core_locator.magic);
  block_ = block;
}

CoreNotebook::~CoreNotebook() {
  if (block_ == nullptr) return;
  const std::lock_guard lock(g_locator_mutex);
  block_->state = format::kCoreClosed;
}

void CoreNotebook::abandon_after_fork() noexcept {
  if (block_ != nullptr) block_->state = format::kCoreForked;
  block_ = nullptr;
}

format::CoreReactor* CoreNotebook::add_reactor(std::uint32_t id, const std::string& name, const std::string& type,
                                               std::uint64_t slot_base, std::uint64_t slot_bytes,
                                               std::uint64_t object) noexcept {
  if (block_ == nullptr) return nullptr;
  const std::lock_guard lock(mutex_);
  const std::span known(block_->reactor, block_->reactors);
  const auto place = std::ranges::find(known, id, &format::CoreReactor::id);  // of one that has ended
  if (place == known.end() && known.size() == format::kCoreReactors) return nullptr;
  format::CoreReactor& reactor = block_->reactor[place - known.begin()];
  reactor = {};
  reactor.id = id;
  reactor.slot_base = slot_base;
  reactor.slot_bytes = slot_bytes;
  reactor.object = object;
  copy_text(reactor.name, name);
  copy_text(reactor.type, type);
  if (place == known.end()) __atomic_store_n(&block_->reactors, block_->reactors + 1, __ATOMIC_RELEASE);
  return &reactor;
}

std::uint16_t CoreNotebook::index_of(const detail::EventTypeInfo& type) noexcept {
  if (block_ == nullptr) return format::kCoreTypeUnknown;
  const OutsideScope outside;
  const std::lock_guard lock(mutex_);
  const std::uint64_t count = block_->types;
  for (std::uint16_t i = 0; i < count; ++i)
    if (types_[i] == &type) return i;
  if (count == format::kCoreTypes) return format::kCoreTypeUnknown;
  format::CoreType& entry = block_->type[count];
  if (!finds_memory([&] { copy_text(entry.name, type_name(*type.type)); })) return format::kCoreTypeUnknown;
  types_[count] = &type;
  entry.bytes = type.bytes;
  entry.codec = static_cast<std::uint32_t>(type.codec);
  __atomic_store_n(&block_->types, count + 1, __ATOMIC_RELEASE);
  return static_cast<std::uint16_t>(count);
}

}  // namespace afterimage
