#include "findings.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstring>

#include "base/file_descriptor.h"
#include "spin_lock.h"

namespace afterimage::check {
namespace {

constexpr std::size_t kFileBytes = kFindingsOffset + kFindings * sizeof(Finding);
constexpr std::size_t kTableSlots = 4 * kFindings;

FindingsHeader g_nowhere{};
constinit std::byte* g_file = nullptr;
constinit SpinLock g_lock;
struct Known {
  std::uint64_t key;
  std::uint32_t finding_plus_1;
};
Known g_known[kTableSlots];

Finding& finding_at(std::uint64_t index) noexcept { return reinterpret_cast<Finding*>(g_file + kFindingsOffset)[index]; }

// The place of the key, or the free one that it gets.
Known& place_of(std::uint64_t key) noexcept {
  for (std::uint64_t i = key;; ++i) {
    Known& known = g_known[i % kTableSlots];
    if (known.finding_plus_1 == 0 || known.key == key) return known;
  }
}

void fill(Finding& place, const Finding& finding, const CallStack& stack) noexcept {
  place = finding;
  place.count = 1;
  place.frame_count = stack.count;
  std::memcpy(place.frames, stack.frames, sizeof place.frames);
  __atomic_store_n(&place.state, 1u, __ATOMIC_RELEASE);
}

}  // namespace

bool open_findings(const char* path) noexcept {
  const FileDescriptor file(::open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file.valid() || ftruncate(file.get(), kFileBytes) != 0) return false;
  void* const memory = mmap(nullptr, kFileBytes, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
  if (memory == MAP_FAILED) return false;
  g_file = static_cast<std::byte*>(memory);
  header().magic = kMagic;
  header().version = 1;
  return true;
}

FindingsHeader& header() noexcept { return g_file != nullptr ? *reinterpret_cast<FindingsHeader*>(g_file) : g_nowhere; }

void count_call(std::uint16_t call) noexcept {
  if (g_file == nullptr || call >= kCallNumbers) return;
  __atomic_fetch_add(reinterpret_cast<std::uint64_t*>(g_file + kCallsOffset) + call, 1, __ATOMIC_RELAXED);
}

bool note(std::uint64_t key, const Finding& finding, const CallStack& stack) noexcept {
  if (g_file == nullptr) return false;
  const SpinLock::Guard guard(g_lock);
  Known& known = place_of(key);
  if (known.finding_plus_1 != 0) {
    ++finding_at(known.finding_plus_1 - 1).count;
    return false;
  }
  if (header().findings == kFindings) {
    ++header().left_out;
    return false;
  }
  const std::uint64_t index = header().findings;
  fill(finding_at(index), finding, stack);
  known = {key, static_cast<std::uint32_t>(index + 1)};
  __atomic_store_n(&header().findings, index + 1, __ATOMIC_RELEASE);
  return true;
}

}  // namespace afterimage::check
