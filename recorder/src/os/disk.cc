#include "os/disk.h"

#include <unistd.h>

#include "base/file_descriptor.h"

namespace afterimage::os {

void sync_directory(const std::string& path) noexcept {
  const FileDescriptor directory(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.valid()) fsync(directory.get());
}

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace afterimage::os
