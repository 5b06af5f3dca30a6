#include "replay/verification.h"

#include <algorithm>
#include <cstring>
#include <span>
#include <vector>

#include "base/hex.h"
#include "replay/progress.h"
#include "replay/reports.h"
#include "replay/snapshot_comparison.h"

namespace afterimage::replay {
namespace {

constexpr std::size_t kWordsShown = 8;

// Looks at every snapshot that the replay passes, and ends the run at one that it does not agree with.
struct Watch {
  Replayer& replayer;
  std::uint64_t equal_at = replayer.position();  // where it agreed last
  bool differs = false;
  Status problem{};  // of a snapshot that cannot be read
  Progress progress{};

  bool look(std::uint64_t event) {
    progress.at(event);
    const std::uint64_t position = replayer.position();
    const Heap* const recorded = replayer.memory().recorded_at(position, problem);
    if (recorded == nullptr) return problem.ok();
    const SnapshotDifference difference = compare_with_snapshot(replayer.memory().heap(), *recorded, replayer.memory().relocation());
    differs = difference.count > 0;
    if (differs) report_difference(position, difference);
    equal_at = position;
    return !differs;
  }

  void report_difference(std::uint64_t position, const SnapshotDifference& difference) const {
    JsonWriter json;
    json.begin_object().field("event", "difference").field("from", equal_at).field("to", position);
    json.field("words", difference.count).field("pages", difference.pages);
    report(json.field("freedWords", difference.freed).end_object());
  }
};

std::uint64_t word_at(std::uintptr_t address) {
  std::uint64_t word;
  std::memcpy(&word, reinterpret_cast<const void*>(address), sizeof word);
  return word;
}

bool is_final(const DifferentWord& word) { return word_at(word.address) == word.replayed; }

Status go_to(Replayer& replayer, std::uint64_t position) {
  return replayer.run_to(position, replayer.memory().nearest(position) > replayer.position(), nullptr, nullptr);
}

// The position between two at which the first of the words has the value that it keeps. None has it at `from`, all have at `to`.
Status first_final(Replayer& replayer, std::span<const DifferentWord> words, std::uint64_t from, std::uint64_t& to) {
  while (to - from > 1) {
    const std::uint64_t middle = from + (to - from) / 2;
    if (Status status = go_to(replayer, middle); !status) return status;
    (std::ranges::any_of(words, is_final) ? to : from) = middle;
  }
  return go_to(replayer, to);
}

// `event`: -1 when no event of the replay has written any of the words.
void report_located(const Heap& heap, std::int64_t event, std::span<const DifferentWord> words) {
  Heap::Block block{};
  if (words.empty() || !heap.locate(words.front().address, block)) block = {};
  JsonWriter json;
  json.begin_object().field("event", "located").field("eventNumber", event);
  json.field("block", hex(block.address)).field("bytes", std::uint64_t{block.size});
  json.field("firstWord", hex(block.size >= sizeof(std::uint64_t) ? word_at(block.address) : 0)).key("words").begin_array();
  for (const DifferentWord& word : words.first(std::min(words.size(), kWordsShown)))
    json.begin_array().string(hex(word.address)).string(hex(word.recorded)).string(hex(word.replayed)).end_array();
  report(json.end_array().end_object());
}

}  // namespace

// Where memory is not as recorded the replay goes on from what was: what differs later is another difference.
Status verify(Replayer& replayer, std::istream& arguments) {
  std::uint64_t target = 0;
  if (!(arguments >> target)) return Status(0, "command verify: a position is missing.");
  Watch watch{replayer};
  const auto after_event = [](void* context, std::uint64_t event) { return static_cast<Watch*>(context)->look(event); };
  do {
    const bool restore = std::exchange(watch.differs, false);
    if (restore)
      if (Status status = replayer.run_to(replayer.position(), true, nullptr, nullptr); !status) return status;
    if (Status status = replayer.run_to(target, false, after_event, &watch); !status) return status;
  } while (watch.differs);
  if (!watch.problem.ok()) return watch.problem;
  report_stopped(replayer.position(), target);
  return {};
}

// Which event has brought about what differs at a snapshot, if at the one before nothing did. The recorded state in between is not
// known; but what an event before the first different one wrote is right, so it is at the latest the first to write a value that
// stays, and is wrong. Found by bisection.
Status locate(Replayer& replayer, std::istream& arguments) {
  std::uint64_t from = 0, to = 0;
  if (!(arguments >> from >> to) || from >= to) return Status(0, "command locate: expected FROM TO.");
  if (Status status = replayer.run_to(from, true, nullptr, nullptr); !status) return status;
  if (Status status = replayer.run_to(to, false, nullptr, nullptr); !status) return status;
  Status problem;
  const Heap* const recorded = replayer.memory().recorded_at(to, problem);
  if (!problem.ok()) return problem;
  if (recorded == nullptr) return Status(0, "there is no snapshot at position " + std::to_string(to) + " to compare with.");
  const Heap& heap = replayer.memory().heap();
  const std::vector<DifferentWord> all = compare_with_snapshot(heap, *recorded, replayer.memory().relocation()).words;

  if (Status status = replayer.run_to(from, true, nullptr, nullptr); !status) return status;
  std::vector<DifferentWord> written;
  std::ranges::remove_copy_if(all, std::back_inserter(written), is_final);
  if (written.empty()) return report_located(heap, -1, all), Status();
  if (Status status = first_final(replayer, written, from, to); !status) return status;
  std::erase_if(written, [](const DifferentWord& word) { return !is_final(word); });
  report_located(heap, static_cast<std::int64_t>(to) - 1, written);
  return {};
}

}  // namespace afterimage::replay
