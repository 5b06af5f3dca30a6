#include "replay/plan.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <sstream>

#include "base/file_descriptor.h"

namespace afterimage::replay {
namespace {

constexpr char kVariable[] = "AFTERIMAGE_REPLAY";

std::string rest_of_line(std::istream& line) {
  std::string text;
  std::getline(line >> std::ws, text);
  return text;
}

bool parse_item(const std::string& item, std::istream& line, Plan& plan) {
  if (item == "recording") {
    plan.recording = rest_of_line(line);
  } else if (item == "reactor") {
    line >> plan.reactor;
  } else if (item == "wait-debugger") {
    line >> plan.wait_for_debugger;
  } else if (item == "nonce") {
    line >> plan.nonce;
  } else if (item == "module") {
    PlannedModule module;
    std::size_t bytes;
    line >> module.kind >> std::hex >> module.base >> bytes >> module.build_id;
    module.path = rest_of_line(line);
    plan.modules.push_back(std::move(module));
  } else if (item == "known-as") {
    std::string build_id;
    line >> build_id;
    const auto module = std::ranges::find(plan.modules, build_id, &PlannedModule::build_id);
    if (module == plan.modules.end()) return false;
    module->known_as = rest_of_line(line);
  } else if (item == "genesis") {
    Genesis genesis;
    line >> std::hex >> genesis.slot >> genesis.slot_bytes;
    genesis.reactor_type = rest_of_line(line);
    plan.genesis = std::move(genesis);
  } else if (item == "heap") {
    const auto settings = parse_heap_settings(rest_of_line(line));
    if (!settings) return false;
    plan.heap = *settings;
  }  // everything else is for the launcher
  return !line.fail() || item == "module" || item == "genesis" || item == "known-as";
}

std::string read_all(int descriptor) {
  std::string text;
  char buffer[4096];
  off_t at = 0;
  for (ssize_t got; (got = pread(descriptor, buffer, sizeof buffer, at)) > 0; at += got)
    text.append(buffer, static_cast<std::size_t>(got));
  return text;
}

}  // namespace

Status parse_plan(const std::string& text, Plan& plan) {
  std::istringstream lines(text);
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    std::istringstream fields(line);
    std::string item;
    if (!(fields >> item)) continue;
    if (number == 1 && line != "afterimage-plan 1")
      return Status(0, "the replay plan begins with \"" + line + "\", this library understands \"afterimage-plan 1\".");
    if (number > 1 && !parse_item(item, fields, plan))
      return Status(0, "line " + std::to_string(number) + " of the replay plan is not understood: " + line);
  }
  if (plan.recording.empty()) return Status(0, "the replay plan names no recording.");
  return {};
}

bool take_plan_from_environment(Plan& plan) {
  const char* const value = std::getenv(kVariable);
  if (value == nullptr) return false;
  const std::string text = value;
  unsetenv(kVariable);
  const std::size_t colon = text.find(':');
  if (colon == std::string::npos) return false;
  const FileDescriptor file(std::atoi(text.c_str()));
  // A variable that was merely inherited must not turn a recording run into a replay: the memory file has to be there, and
  // to know the same nonce.
  return parse_plan(read_all(file.get()), plan).ok() && plan.nonce == text.substr(colon + 1) && !plan.nonce.empty();
}

}  // namespace afterimage::replay
