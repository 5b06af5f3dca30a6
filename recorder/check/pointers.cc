#include "pointers.h"

#include <time.h>

#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <unordered_map>

#include "allocations.h"
#include "base/hash.h"
#include "code.h"
#include "files.h"
#include "findings.h"
#include "mappings.h"
#include "reactors.h"
#include "spin_lock.h"
#include "thread_locals.h"

namespace afterimage::check {
namespace {

constexpr std::size_t kOwnResults = 1024;
constexpr std::uint64_t kImagesOfSmall = 24, kImagesOfLarge = 8;  // for each reactor; they take room on disk, and gdb's time
constexpr std::uint64_t kSmallHeap = std::uint64_t{16} << 20;
constexpr std::uint64_t kFirstEvents = 16;
constexpr std::size_t kSmallBlock = 4096;  // in larger ones every place is one of its own

constinit SpinLock g_results_lock;
std::uint64_t g_results[kOwnResults];
std::size_t g_result_count = 0;

struct Budget {
  std::uint64_t last_end = 0, last_ns = 0, images = 0, events = 0;
};

// The first ones, and then ever fewer: what a short run shows must not depend on how fast the machine is just now.
bool is_scanned_in_any_case(std::uint64_t events) noexcept { return events <= kFirstEvents || std::has_single_bit(events); }

std::uint64_t images_of(const Heap& heap) noexcept {
  return heap.statistics().touched_bytes <= kSmallHeap ? kImagesOfSmall : kImagesOfLarge;
}

std::mutex g_mutex;  // one scan at a time
Budget& budget_of(std::uint32_t reactor) {
  static std::unordered_map<std::uint32_t, Budget> budgets;
  return budgets[reactor];
}

std::uint64_t now_ns() noexcept {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(time.tv_nsec);
}

bool is_own_result(std::uint64_t value) noexcept {
  const SpinLock::Guard guard(g_results_lock);
  return std::find(g_results, g_results + g_result_count, value) != g_results + g_result_count;
}

class HeapScan {
 public:
  HeapScan(const Event& event, std::uint64_t image) : event_(event), image_(image), mappings_(read_mappings()) {
    low_ = mappings_.empty() ? 0 : mappings_.front().begin;
    high_ = mappings_.empty() ? 0 : mappings_.back().end;
  }

  // True when something new was found.
  bool run() {
    bool found = false;
    event_.heap->walk([&](const Heap::Block& block) {
      if (!block.live) return;
      const auto* const words = reinterpret_cast<const std::uint64_t*>(block.address);
      for (std::size_t i = 0; i < block.size / sizeof *words; ++i)
        if (leads_out(words[i]) && look_at(block, words + i)) found = true;
    });
    return found;
  }

 private:
  bool leads_out(std::uint64_t word) const noexcept {
    const auto* const pointer = reinterpret_cast<const void*>(word);
    return in_zones(pointer) ? !event_.heap->owns(pointer) : word - low_ < high_ - low_;
  }

  bool look_at(const Heap::Block& block, const std::uint64_t* word) {
    Finding finding = new_finding(Kind::pointer, event_.reactor, event_.number);
    finding.address = reinterpret_cast<std::uintptr_t>(word);
    finding.value = *word;
    finding.extra[0] = block.address;
    finding.extra[1] = block.size;
    finding.extra[5] = image_;
    CallStack allocated;
    if (!describe_target(*word, finding, allocated)) return false;
    return note(key_of(block, finding), finding, allocated);
  }

  // The same member of many blocks is one finding: known by the size of the block, its virtual table, and the place in it.
  static std::uint64_t key_of(const Heap::Block& block, const Finding& finding) noexcept {
    const std::uint64_t first = *reinterpret_cast<const std::uint64_t*>(block.address);
    const std::uint64_t type = code_at(first) != Code::none ? first : 0;
    std::uint64_t key = hash_mix(hash_mix(finding.reactor + 7, block.size), type);
    key = hash_mix(key, block.size < kSmallBlock ? finding.address - block.address : finding.address);
    return hash_mix(hash_mix(key, finding.extra[2]), finding.detail);
  }

  bool describe_target(std::uint64_t value, Finding& finding, CallStack& allocated) const {
    if (const LiveReactor* const other = reactor_at(reinterpret_cast<const void*>(value))) {
      finding.extra[2] = static_cast<std::uint64_t>(Place::other_reactor);
      finding.detail = other->id;
      return true;
    }
    const Mapping* const mapping = mapping_at(value);
    if (mapping == nullptr || is_reactor_core(reinterpret_cast<const void*>(value)) || is_own_result(value)) return false;
    finding.extra[2] = static_cast<std::uint64_t>(mapping->place);
    std::snprintf(finding.text, sizeof finding.text, "%s", mapping->name);
    if (mapping->place == Place::ordinary_heap || mapping->place == Place::mapping) add_allocation(value, finding, allocated);
    if (finding.extra[2] == static_cast<std::uint64_t>(Place::mapping)) add_thread_local(value, finding);
    return true;
  }

  static void add_thread_local(std::uint64_t value, Finding& finding) {
    const ThreadLocal variable = thread_local_at(value);
    if (variable.module == 0) return;
    finding.extra[2] = static_cast<std::uint64_t>(Place::thread_local_data);
    finding.extra[3] = variable.module;
    finding.extra[4] = variable.offset;
  }

  static void add_allocation(std::uint64_t value, Finding& finding, CallStack& allocated) {
    const Allocation allocation = allocation_at(value);
    if (allocation.block == 0) return;
    finding.extra[2] = static_cast<std::uint64_t>(Place::ordinary_heap);  // large blocks are mappings of their own
    finding.extra[3] = allocation.bytes;
    finding.extra[4] = value - allocation.block;
    allocated = allocation.stack;
  }

  const Mapping* mapping_at(std::uint64_t value) const noexcept {
    const auto behind = std::upper_bound(mappings_.begin(), mappings_.end(), value,
                                         [](std::uint64_t address, const Mapping& mapping) { return address < mapping.begin; });
    if (behind == mappings_.begin()) return nullptr;
    const Mapping& mapping = *(behind - 1);
    return value < mapping.end ? &mapping : nullptr;
  }

  const Event event_;
  const std::uint64_t image_;
  const std::vector<Mapping>& mappings_;
  std::uint64_t low_ = 0, high_ = 0;
};

}  // namespace

void note_own_result(std::uint64_t value) noexcept {
  if (value < 65536) return;
  const SpinLock::Guard guard(g_results_lock);
  if (std::find(g_results, g_results + g_result_count, value) != g_results + g_result_count) return;
  if (g_result_count < kOwnResults) g_results[g_result_count++] = value;
}

void scan_for_pointers(const Event& event, Scan when) noexcept {
  const std::lock_guard lock(g_mutex);
  Budget& budget = budget_of(event.reactor);
  const std::uint64_t begin = now_ns();
  const bool must = when == Scan::now || is_scanned_in_any_case(++budget.events);
  if (!must && begin - budget.last_end < budget.last_ns) return;
  const bool found = HeapScan(event, budget.images).run();
  if (found && budget.images < images_of(*event.heap)) write_image(event, budget.images++);
  __atomic_fetch_add(&header().scans, 1, __ATOMIC_RELAXED);
  budget.last_end = now_ns();
  budget.last_ns = budget.last_end - begin;
}

}  // namespace afterimage::check
