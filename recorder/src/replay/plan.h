// What the launcher wants replayed: the text that it leaves in a memory file (debug-adapter/replay/PROTOCOL.md).
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "afterimage/status.h"
#include "heap/settings.h"

namespace afterimage::replay {

struct PlannedModule {
  std::string kind, build_id, path;
  std::string known_as;  // the path that it had when recorded, if it is another
  std::uintptr_t base = 0;
};

// For another build than the recorded one (ARCHITECTURE.md, Tests): the reactor is constructed, not restored.
struct Genesis {
  std::string reactor_type;  // as in reactor.json
  std::uintptr_t slot = 0;   // where its heap was
  std::size_t slot_bytes = 0;
};

struct Plan {
  std::string recording;
  std::uint32_t reactor = 0;
  bool wait_for_debugger = false;
  std::string nonce;
  std::vector<PlannedModule> modules;
  std::optional<Genesis> genesis;
  HeapSettings heap;  // of the one that the reactor is constructed in

  std::string reactor_directory() const { return recording + "/r" + std::to_string(reactor); }
};

// Errors name the line.
Status parse_plan(const std::string& text, Plan& plan);

// Takes the plan that AFTERIMAGE_REPLAY=FD:NONCE names and removes the variable, so that no child process inherits it.
// False if there is none, or if it is not for this process.
bool take_plan_from_environment(Plan& plan);

}  // namespace afterimage::replay
