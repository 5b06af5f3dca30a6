// What a bare core dump of a recorded process tells (FORMAT.md §7): which recording it belongs to, how far each reactor got,
// and the last events. The segments are files, so a core does not have them; this is ordinary memory, so it does.
#pragma once
#include <cstddef>
#include <cstdint>

namespace afterimage::format {

// Below the slots. A core holds memory in order of address: one that was cut off still has its beginning.
inline constexpr std::uintptr_t kCoreBlocksBase = 0x3fff'ff00'0000;
inline constexpr std::size_t kCoreBlockStride = 0x10'0000;
inline constexpr std::size_t kCoreBlocks = 8;  // recordings of one process that are open at the same time

inline constexpr char kCoreLocatorMagic[] = "AFTRIMG-LOCATOR";  // 16 bytes with the NUL
inline constexpr char kCoreBlockMagic[] = "AFTRIMG-CORE-01";

inline constexpr std::size_t kCoreReactors = 256;
inline constexpr std::size_t kCoreTypes = 128;
inline constexpr std::size_t kCoreCells = 4096;
inline constexpr std::size_t kCoreCellBytes = 64;
inline constexpr std::size_t kCoreEventBytesMax = 4096;  // an event with its head; what is longer is cut
inline constexpr std::uint16_t kCoreTypeUnknown = 0xffff;

enum CoreBlockState : std::uint64_t { kCoreFree = 0, kCoreLive = 1, kCoreClosed = 2, kCoreForked = 3 };

// In .bss of the library; the note AFTRIMG/1 in its first page says where.
struct CoreLocator {
  char magic[16];
  std::uint32_t version, count;
  std::uint64_t blocks[kCoreBlocks];  // addresses; 0 for none
};

struct CoreReactor {
  std::uint32_t id, reserved;
  std::uint64_t slot_base, slot_bytes, object;
  std::uint64_t started, finished;
  char name[96];  // NUL-terminated, cut
  char type[112];
};
static_assert(sizeof(CoreReactor) == 256);

struct CoreType {
  std::uint32_t bytes, codec;  // sizeof, for a trivial type; PayloadCodec
  char name[120];
};
static_assert(sizeof(CoreType) == 128);

// What events of one type and size have in common.
struct CoreEventKind {
  std::uint32_t reactor;
  std::uint16_t type;   // index, or kCoreTypeUnknown
  std::uint16_t cells;
  std::uint32_t bytes;  // of the payload
  std::uint32_t kept;   // of them, here
};

// Head of an event in the ring: at the beginning of a cell, its payload in the same cell and those behind.
struct CoreEvent {
  std::uint64_t ticket;  // number of its first cell + 1, stored last
  std::uint64_t event;
  std::uint64_t time_ns;
  CoreEventKind kind;
};
static_assert(sizeof(CoreEvent) == 40);

struct CoreBlock {
  char magic[16];
  std::uint32_t version, block_bytes;
  std::uint8_t uuid[16];
  std::uint64_t state;  // CoreBlockState
  std::uint64_t reactors;
  std::uint64_t types;
  std::uint64_t next_cell;  // counts on for ever; cell n is at n mod kCoreCells
  std::uint64_t pid;
  char build_id[64];  // of the executable, hex, NUL-terminated
  char path[2048];    // of the recording
  std::uint8_t pad[4096 - 2192];
  CoreReactor reactor[kCoreReactors];
  CoreType type[kCoreTypes];
  std::uint8_t ring[kCoreCells * kCoreCellBytes];
};
static_assert(offsetof(CoreBlock, build_id) == 80);
static_assert(offsetof(CoreBlock, path) == 144);
static_assert(offsetof(CoreBlock, reactor) == 4096);
static_assert(offsetof(CoreBlock, type) == 69632);
static_assert(offsetof(CoreBlock, ring) == 86016);
static_assert(sizeof(CoreBlock) == 348160);
static_assert(sizeof(CoreBlock) <= kCoreBlockStride);

}  // namespace afterimage::format
