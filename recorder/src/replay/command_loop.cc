#include "replay/command_loop.h"

#include <stdio.h>
#include <stdlib.h>

#include <sstream>

#include "base/hex.h"
#include "replay/progress.h"
#include "replay/queries.h"
#include "replay/reports.h"
#include "replay/verification.h"

namespace afterimage::replay {
namespace {

constexpr int kExitOk = 0, kExitFailed = 4;

Status go_to(Replayer& replayer, std::uint64_t target, bool restore) {
  Progress progress;
  const auto after_event = [](void* context, std::uint64_t event) {
    static_cast<Progress*>(context)->at(event);
    return true;
  };
  if (Status status = replayer.run_to(target, restore, after_event, &progress); !status) return status;
  if (replayer.core().is_open()) replayer.core().report();
  report_stopped(replayer.position(), target);
  return {};
}

// Forward event by event, which compares each.
Status run(Replayer& replayer, std::istream& arguments) {
  std::uint64_t target = 0;
  if (!(arguments >> target)) return Status(0, "command run: a position is missing.");
  return go_to(replayer, target, false);
}

// The shortest way.
Status seek(Replayer& replayer, std::istream& arguments) {
  std::uint64_t target = 0;
  if (!(arguments >> target)) return Status(0, "command seek: a position is missing.");
  return go_to(replayer, target, replayer.memory().nearest(target) > replayer.position());
}

Status digest(Replayer& replayer, std::istream&) {
  JsonWriter json;
  const MemoryImage::Digests digests = replayer.memory().digests();
  json.begin_object().field("event", "digest").field("position", replayer.position());
  report(json.field("heap", hex(digests.heap)).field("data", hex(digests.data)).end_object());
  return {};
}

Status expect_pages(Replayer& replayer, std::istream& arguments) {
  std::string list;
  if (!std::getline(arguments >> std::ws, list)) return Status(0, "command expect-pages: a file is missing.");
  const Heap& heap = replayer.memory().heap();
  const Relocation& relocation = replayer.memory().relocation();
  return replayer.core().open(list, relocation.as_recorded(heap.base()), heap.slot_bytes(), relocation);
}

// Nothing is reported: the next command is.
Status suppose(Replayer& replayer, std::istream& arguments) {
  Supposition supposition;
  if (Status status = supposition.read(arguments); !status) return status;
  return replayer.suppose(std::move(supposition));
}

constexpr struct {
  const char* name;
  Status (*carry_out)(Replayer&, std::istream&);
} kCommands[] = {
    {"run", run},         {"seek", seek},       {"digest", digest},   {"expect-pages", expect_pages}, {"last-write", last_write},
    {"verify", verify},   {"locate", locate},   {"find", find},       {"first-write", first_write},   {"history", history},
    {"touched", touched}, {"diff", diff},       {"suppose", suppose},
};

Status carry_out(Replayer& replayer, const std::string& name, std::istream& arguments) {
  replayer.keeps_checkpoints = name == "seek" || name == "locate";  // others look at every event once
  for (const auto& command : kCommands)
    if (name == command.name) return command.carry_out(replayer, arguments);
  return Status(0, "unknown command: " + name);
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
    if (command == "quit") break;
    if (Status status = carry_out(replayer, command, arguments); !status) {
      report_error(status.message());
      return kExitFailed;
    }
  }
  return kExitOk;
}

}  // namespace afterimage::replay
