// What shall outlive a power failure (Options::sync_interval_ms). A file and its name are written apart: the name is its directory's.
#pragma once
#include <string>

namespace afterimage::os {

// Returns when the names in this directory are on the disk. Where that fails the file system has no such thing, or fails the files, too.
void sync_directory(const std::string& path) noexcept;

std::string directory_of(const std::string& path);

}  // namespace afterimage::os
