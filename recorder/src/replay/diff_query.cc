// The command `diff`: which heap blocks two positions do not have in common.
#include <array>
#include <map>
#include <string>
#include <tuple>

#include "base/hex.h"
#include "os/modules.h"
#include "replay/heap_difference.h"
#include "replay/progress.h"
#include "replay/queries.h"
#include "replay/reports.h"

namespace afterimage::replay {
namespace {

constexpr std::size_t kWord = sizeof(std::uint64_t);
constexpr std::size_t kWords = 8;       // shown of each block
constexpr std::size_t kGroups = 10'000;  // damaged memory may look like any number of types

const char* name(BlockChange::Kind kind) {
  switch (kind) {
    case BlockChange::Kind::allocated: return "allocated";
    case BlockChange::Kind::freed: return "freed";
    case BlockChange::Kind::changed: return "changed";
    case BlockChange::Kind::changed_while_free: return "changed-while-free";
  }
  return "";
}

std::uint64_t word_at(const std::byte* contents, std::size_t offset, std::size_t bytes) {
  std::uint64_t word = 0;
  if (contents != nullptr && offset < bytes) std::memcpy(&word, contents + offset, std::min(kWord, bytes - offset));
  return word;
}

// Blocks that look alike are counted together: same change, same size, and the same pointer into a module as first word,
// which may be a virtual table.
class Groups {
 public:
  Groups() : modules_(os::loaded_modules()) {}

  std::uint64_t type_word(std::uint64_t first_word) const {
    for (const os::Module& module : modules_)
      if (first_word - module.base < module.bytes) return first_word;
    return 0;
  }
  void add(BlockChange::Kind kind, std::size_t bytes, std::uint64_t type_word) {
    if (counts_.size() == kGroups) type_word = 0;
    ++counts_[{kind, bytes, type_word}];
  }
  void report_all() const {
    for (const auto& [key, count] : counts_) {
      const auto& [kind, bytes, type_word] = key;
      JsonWriter json;
      json.begin_object().field("event", "group").field("change", name(kind)).field("bytes", std::uint64_t{bytes});
      report(json.field("typeWord", hex(type_word)).field("count", count).end_object());
    }
  }

 private:
  const std::vector<os::Module> modules_;
  std::map<std::tuple<BlockChange::Kind, std::size_t, std::uint64_t>, std::uint64_t> counts_;
};

// Of a block that is in both positions the words that differ, of others the first ones.
void report_change(const BlockChange& change, std::uint64_t type_word) {
  const bool in_both = change.kind == BlockChange::Kind::changed || change.kind == BlockChange::Kind::changed_while_free;
  JsonWriter json;
  json.begin_object().field("event", "change").field("change", name(change.kind)).field("address", hex(change.address));
  json.field("bytes", std::uint64_t{change.bytes}).field("bytesBefore", std::uint64_t{change.bytes_before});
  json.field("typeWord", hex(type_word)).key("words").begin_array();
  std::uint64_t different = 0, shown = 0;
  for (std::size_t offset = 0; offset < std::max(change.bytes, change.bytes_before); offset += kWord) {
    const std::uint64_t before = word_at(change.before, offset, change.bytes_before);
    const std::uint64_t after = word_at(change.after, offset, change.bytes);
    different += before != after;
    if ((in_both && before == after) || shown == kWords) continue;
    ++shown;
    json.begin_array().number(std::uint64_t{offset}).string(hex(before)).string(hex(after)).end_array();
  }
  report(json.end_array().field("differentWords", different).end_object());
}

// What a block was, if it was a block; damage is likelier now than then.
std::uint64_t type_word_of(const BlockChange& change, const Groups& groups) {
  const std::uint64_t before = groups.type_word(word_at(change.before, 0, change.bytes_before));
  if (before != 0 && change.kind != BlockChange::Kind::allocated) return before;
  return change.kind == BlockChange::Kind::freed ? 0 : groups.type_word(word_at(change.after, 0, change.bytes));
}

Status run_with_progress(Replayer& replayer, std::uint64_t target, bool from_snapshot) {
  Progress progress;
  const auto after_event = [](void* context, std::uint64_t event) {
    static_cast<Progress*>(context)->at(event);
    return true;
  };
  return replayer.run_to(target, from_snapshot, after_event, &progress);
}

}  // namespace

Status diff(Replayer& replayer, std::istream& arguments) {
  std::uint64_t from = 0, to = 0, limit = 0;
  if (!(arguments >> from >> to >> limit) || from > to) return Status(0, "command diff: expected FROM TO LIMIT.");
  if (Status status = run_with_progress(replayer, from, true); !status) return status;
  HeapDifference difference;
  const Heap& heap = replayer.memory().heap();
  if (Status status = difference.remember(heap); !status) return status;
  if (Status status = run_with_progress(replayer, to, false); !status) return status;

  Groups groups;
  std::uint64_t count = 0;
  std::array<std::uint64_t, 4> of_kind{};
  difference.compare(heap, [&](const BlockChange& change) {
    const std::uint64_t type_word = type_word_of(change, groups);
    groups.add(change.kind, change.bytes != 0 ? change.bytes : change.bytes_before, type_word);
    ++count;
    if (of_kind[static_cast<std::size_t>(change.kind)]++ < limit) report_change(change, type_word);
  });
  groups.report_all();
  JsonWriter json;
  json.begin_object().field("event", "answer").field("query", "diff").field("count", count);
  report(json.field("unreadable", std::uint64_t{0}).field("position", replayer.position()).end_object());
  return {};
}

}  // namespace afterimage::replay
