// manifest.json and reactor.json (FORMAT.md §1, §3): what a replayer must know about this process.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "afterimage/status.h"
#include "heap/heap.h"
#include "os/modules.h"

namespace afterimage {

struct ProcessDescription {
  std::string uuid;
  std::uint64_t start_time_ns = 0;
  std::string snapshot_engine;
  std::vector<os::Module> modules;
};

// How a reactor was constructed: "Board (int, char const*)"; or why that is not recorded. Both empty: nobody asked.
struct ConstructionNote {
  std::string signature, missing;
};

std::string manifest_json(const ProcessDescription& process);
// A reactor's place in the recording.
struct Place {
  std::uint32_t id;
  std::uint64_t since_ns = 0;  // CLOCK_REALTIME; 0: no other reactor had it before
};
struct ReactorDescription {
  const Place& place;
  const std::string& name;
  const std::string& type;
  const Heap& heap;
  const HeapSettings& settings;
  const ConstructionNote& construction;
};
std::string reactor_json(const ReactorDescription& reactor);

// Replaces the file as one step: it is always either the old or the new content; after a power failure, too, with `sync`.
Status write_file(const std::string& path, const std::string& content, bool sync);

}  // namespace afterimage
