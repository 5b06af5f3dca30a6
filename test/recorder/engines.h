// test/recorder/engines.h: recordings with a snapshot engine that is asked for by name. Where a machine does not have it the recorder takes
// another one, and a test would show nothing.
#pragma once

#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>

#include "check.h"
#include "snapshot/engine.h"

// Says why not. The others are tested all the same, so the test as a whole is not one that was skipped.
inline bool machine_has_engine(const char* name) {
  const afterimage::EngineChoice choice = afterimage::choose_engine(name, /*kernel_writes=*/false);
  if (choice.note.empty()) return true;
  std::printf("SKIPPED: %s\n", choice.note.c_str());
  std::fflush(stdout);
  return false;
}

inline void check_recorded_with_engine(const std::string& recording, const std::string& name) {
  std::ifstream file(recording + "/manifest.json");
  const std::string manifest{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  CHECK(manifest.find("\"snapshotEngine\":\"" + name + "\"") != manifest.npos);
}
