#include "replay/command_loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cstring>
#include <optional>
#include <sstream>
#include <vector>

#include "base/hex.h"
#include "replay/reports.h"

namespace afterimage::replay {
namespace {

constexpr int kExitOk = 0, kExitFailed = 4;

std::uint64_t monotonic_ms() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1000 + static_cast<std::uint64_t>(now.tv_nsec) / 1'000'000;
}

// At most ten reports a second, and a look at the clock only every thousand events.
class Progress {
 public:
  void at(std::uint64_t event) {
    if ((event & 1023) != 0) return;
    const std::uint64_t now = monotonic_ms();
    if (now - last_ms_ < 100) return;
    last_ms_ = now;
    JsonWriter json;
    report(json.begin_object().field("event", "progress").field("position", event).end_object());
  }

 private:
  std::uint64_t last_ms_ = monotonic_ms();
};

// Watches a piece of memory from event to event.
class Watch {
 public:
  Watch(std::uintptr_t address, std::size_t bytes)
      : memory_(reinterpret_cast<const std::byte*>(address)), value_(memory_, memory_ + bytes), before_(bytes) {}

  void after(std::uint64_t event) {
    if (std::memcmp(memory_, value_.data(), value_.size()) == 0) return;
    ++count_;
    if (!first_) first_ = event;
    last_ = event;
    before_.swap(value_);
    value_.assign(memory_, memory_ + value_.size());
  }

  void report_writes() const {
    const auto number = [](const std::optional<std::uint64_t>& event) {
      return event ? static_cast<std::int64_t>(*event) : std::int64_t{-1};
    };
    JsonWriter json;
    json.begin_object().field("event", "writes").field("count", count_);
    json.field("first", number(first_)).field("last", number(last_));
    report(json.field("before", hex_bytes(before_)).field("after", hex_bytes(value_)).end_object());
  }

 private:
  const std::byte* const memory_;
  std::vector<std::byte> value_, before_;
  std::uint64_t count_ = 0;
  std::optional<std::uint64_t> first_, last_;
};

Status run(Replayer& replayer, std::istream& arguments) {
  std::uint64_t target = 0;
  if (!(arguments >> target)) return Status(0, "command run: a position is missing.");
  Progress progress;
  const auto after_event = [](void* context, std::uint64_t event) {
    static_cast<Progress*>(context)->at(event);
    return true;
  };
  if (Status status = replayer.run_to(target, false, after_event, &progress); !status) return status;
  if (replayer.core().is_open()) replayer.core().report();
  JsonWriter json;
  json.begin_object().field("event", "stopped").field("position", replayer.position());
  report(json.field("reason", replayer.position() >= target ? "target" : "end").end_object());
  return {};
}

Status expect_pages(Replayer& replayer, std::istream& arguments) {
  std::string list;
  if (!std::getline(arguments >> std::ws, list)) return Status(0, "command expect-pages: a file is missing.");
  return replayer.core().open(list, replayer.memory().heap().base(), replayer.memory().heap().slot_bytes());
}

Status last_write(Replayer& replayer, std::istream& arguments) {
  std::uintptr_t address = 0;
  std::size_t bytes = 0;
  std::uint64_t target = 0;
  if (!(arguments >> std::hex >> address >> std::dec >> bytes >> target))
    return Status(0, "command last-write: expected ADDRESS BYTES POSITION.");
  if (bytes == 0 || !replayer.memory().covers(address, bytes))
    return Status(0, "the " + std::to_string(bytes) + " bytes at " + hex(address) +
                         " are neither in the reactor's heap nor in the executable's data.");
  if (Status status = replayer.run_to(replayer.first(), true, nullptr, nullptr); !status) return status;
  struct Context {
    Watch watch;
    Progress progress;
  } context{Watch(address, bytes), {}};
  const auto after_event = [](void* pointer, std::uint64_t event) {
    auto& [watch, progress] = *static_cast<Context*>(pointer);
    watch.after(event);
    progress.at(event);
    return true;
  };
  if (Status status = replayer.run_to(target, false, after_event, &context); !status) return status;
  context.watch.report_writes();
  return {};
}

}  // namespace

int run_commands(Replayer& replayer) {
  FILE* const commands = fdopen(kCommandDescriptor, "r");
  char* line = nullptr;
  std::size_t capacity = 0;
  while (commands != nullptr && getline(&line, &capacity, commands) > 0) {
    std::istringstream arguments(line);
    std::string command;
    arguments >> command;
    Status status;
    if (command == "quit") break;
    if (command == "run") status = run(replayer, arguments);
    else if (command == "expect-pages") status = expect_pages(replayer, arguments);
    else if (command == "last-write") status = last_write(replayer, arguments);
    else status = Status(0, "unknown command: " + command);
    if (!status.ok()) {
      report_error(status.message());
      return kExitFailed;
    }
  }
  return kExitOk;
}

}  // namespace afterimage::replay
