// A directory for what a test writes.
#pragma once
#include <stdlib.h>

#include <filesystem>
#include <string>

#include "check.h"

// Gone at the end of the scope; stays when a check fails, to be looked at.
class TemporaryDirectory {
 public:
  explicit TemporaryDirectory(const std::string& name) : path_("/tmp/afterimage-" + name + "-XXXXXX") {
    CHECK(mkdtemp(path_.data()) != nullptr);
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::string& path() const noexcept { return path_; }
  std::string file(const std::string& name) const { return path_ + "/" + name; }
  std::string only_entry() const {
    std::string found;
    for (const auto& entry : std::filesystem::directory_iterator(path_)) {
      CHECK(found.empty());
      found = entry.path();
    }
    return found;
  }

 private:
  std::string path_;
};
