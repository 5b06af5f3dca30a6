#include "replay/queries.h"

#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "base/hex.h"
#include "replay/expression.h"
#include "replay/query.h"
#include "replay/reports.h"

namespace afterimage::replay {
namespace {

// Watches a piece of memory from event to event.
class Watch {
 public:
  Watch(std::uintptr_t address, std::size_t bytes, bool first_only)
      : memory_(reinterpret_cast<const std::byte*>(address)), bytes_(bytes), first_only_(first_only) {}

  bool operator()(std::optional<std::uint64_t> event) {
    if (!event) {
      value_.assign(memory_, memory_ + bytes_);
      before_ = value_;
    } else if (std::memcmp(memory_, value_.data(), bytes_) != 0) {
      ++count_;
      if (!first_) first_ = event;
      last_ = event;
      before_.swap(value_);
      value_.assign(memory_, memory_ + bytes_);
    }
    return !first_only_ || !first_;
  }

  void report_writes() const {
    JsonWriter json;
    json.begin_object().field("event", "writes").field("count", count_);
    json.field("first", number_or_none(first_)).field("last", number_or_none(last_));
    report(json.field("before", hex_bytes(before_)).field("after", hex_bytes(value_)).end_object());
  }

 private:
  const std::byte* const memory_;
  const std::size_t bytes_;
  const bool first_only_;
  std::vector<std::byte> value_, before_;
  std::uint64_t count_ = 0;
  std::optional<std::uint64_t> first_, last_;
};

// An expression with what it is evaluated in: `this` is the reactor, the argument of react() the last event.
struct Question {
  Expression expression;
  std::uint64_t from = 0, to = 0, limit = 0;

  Status parse(const char* command, std::istream& arguments) {
    std::string code;
    if (!(arguments >> code >> from >> to >> limit))
      return Status(0, std::string("command ") + command + ": expected CODE FROM TO LIMIT.");
    return expression.parse(code);
  }

  bool evaluate(Replayer& replayer, std::int64_t& value) const {
    const Expression::Registers registers{
        .rdi = reinterpret_cast<std::uintptr_t>(replayer.memory().object()),
        .rsi = reinterpret_cast<std::uintptr_t>(replayer.last_event())};
    const auto covers = [](const void* memory, std::uintptr_t address, std::size_t bytes) noexcept {
      return static_cast<const MemoryImage*>(memory)->covers(address, bytes);
    };
    return expression.evaluate({covers, &replayer.memory()}, registers, value);
  }
};

void report_value(const char* kind, const std::optional<std::uint64_t>& event, std::int64_t value) {
  JsonWriter json;
  json.begin_object().field("event", kind).field("eventNumber", number_or_none(event));
  report(json.field("value", std::to_string(value)).end_object());
}

Status watch_writes(Replayer& replayer, std::istream& arguments, bool first_only) {
  std::uintptr_t address = 0;
  std::size_t bytes = 0;
  std::uint64_t target = 0;
  if (!(arguments >> std::hex >> address >> std::dec >> bytes >> target))
    return Status(0, "command last-write or first-write: expected ADDRESS BYTES POSITION.");
  address = replayer.memory().relocation().to_here(address);
  if (bytes == 0 || !replayer.memory().covers(address, bytes))
    return Status(0, "the " + std::to_string(bytes) + " bytes at " + hex(address) +
                         " are neither in the reactor's heap nor in the executable's data.");
  Watch watch(address, bytes, first_only);
  if (Status status = look_after_each(replayer, replayer.first(), target, watch); !status) return status;
  watch.report_writes();
  return {};
}

}  // namespace

Status last_write(Replayer& replayer, std::istream& arguments) { return watch_writes(replayer, arguments, false); }
Status first_write(Replayer& replayer, std::istream& arguments) { return watch_writes(replayer, arguments, true); }

// The events after which the expression is true, the first LIMIT of them (0: all).
Status find(Replayer& replayer, std::istream& arguments) {
  Question question;
  if (Status status = question.parse("find", arguments); !status) return status;
  std::uint64_t found = 0, unreadable = 0;
  const auto look = [&](std::optional<std::uint64_t> event) {
    std::int64_t value = 0;
    if (!event) return true;
    if (!question.evaluate(replayer, value)) {
      ++unreadable;
    } else if (value != 0) {
      report_value("found", event, value);
      ++found;
    }
    return question.limit == 0 || found < question.limit;
  };
  Status status = look_after_each(replayer, question.from, question.to, look);
  if (status.ok()) report_answer("find", found, unreadable, replayer.position());
  return status;
}

// The expression's value at the beginning, and each event that changed it.
Status history(Replayer& replayer, std::istream& arguments) {
  Question question;
  if (Status status = question.parse("history", arguments); !status) return status;
  std::uint64_t changes = 0, unreadable = 0;
  std::optional<std::int64_t> last;
  const auto look = [&](std::optional<std::uint64_t> event) {
    std::int64_t value = 0;
    if (!question.evaluate(replayer, value)) {
      ++unreadable;
      return true;
    }
    if (value == last) return true;
    changes += event.has_value();
    last = value;
    report_value("value", event, value);
    return question.limit == 0 || changes < question.limit;
  };
  Status status = look_after_each(replayer, question.from, question.to, look);
  if (status.ok()) report_answer("history", changes, unreadable, replayer.position());
  return status;
}

}  // namespace afterimage::replay
