#include "record/control_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstring>

#include "base/file_descriptor.h"

namespace afterimage {

ControlFile::~ControlFile() {
  if (control_ != nullptr) munmap(control_, sizeof *control_);
}

Status ControlFile::create(const std::string& path, const std::uint8_t (&uuid)[16]) {
  const FileDescriptor file(open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file.valid()) return Status(errno, path + " cannot be created: " + std::strerror(errno) + ".");
  // Without its blocks a full disk would be a SIGBUS in the middle of an event.
  if (const int error = posix_fallocate(file.get(), 0, sizeof(format::Control)); error != 0)
    return Status(error, path + " cannot be allocated: " + std::strerror(error) + ".");
  void* const memory =
      mmap(nullptr, sizeof(format::Control), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, file.get(), 0);
  if (memory == MAP_FAILED) return Status(errno, path + " cannot be mapped: " + std::strerror(errno) + ".");
  control_ = static_cast<format::Control*>(memory);
  control_->version = 1;
  control_->file_bytes = sizeof(format::Control);
  std::memcpy(control_->uuid, uuid, sizeof uuid);
  control_->state = format::kLive;
  std::memcpy(control_->magic, format::kControlMagic, sizeof control_->magic);
  return {};
}

void ControlFile::note_failure(const Status& status) noexcept {
  if (control_ == nullptr || control_->failure != 0) return;
  const std::size_t length = std::min(status.message().size(), sizeof control_->failure_text - 1);
  std::memcpy(control_->failure_text, status.message().data(), length);
  publish(control_->failure, status.error() != 0 ? static_cast<std::uint64_t>(status.error()) : EIO);
}

void ControlFile::close(std::uint64_t now_ns, bool sync) noexcept {
  if (control_ == nullptr) return;
  control_->stop_time_ns = now_ns;
  publish(control_->state, format::kClosed);
  if (sync) msync(control_, sizeof *control_, MS_SYNC);
}

}  // namespace afterimage
