#include "replay_handle.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace afterimage::launch {

namespace {

constexpr int first_free_descriptor = 10;  // 3 and 4 are the replayer's, open or not

std::string random_nonce() {
  std::uint64_t value = 0;
  if (getrandom(&value, sizeof value, 0) != sizeof value) {
    throw LaunchError(ExitCode::not_permitted, "no random number from the kernel: ", error_text(errno), ".");
  }
  char digits[17];
  std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(value));
  return digits;
}

int memory_file() {
  const int low = memfd_create("afterimage-plan", MFD_CLOEXEC);
  const int fd = low < 0 ? -1 : fcntl(low, F_DUPFD, first_free_descriptor);  // inherited, in contrast to `low`
  const int error = errno;
  if (low >= 0) close(low);
  if (fd < 0) throw LaunchError(ExitCode::not_permitted, "no memory file for the plan: ", error_text(error), ".");
  return fd;
}

}  // namespace

ReplayHandle::ReplayHandle(const Plan& plan) : fd_(memory_file()), nonce_(random_nonce()) {
  const auto content = text(plan.text, "nonce ", nonce_, "\n");
  for (std::size_t done = 0; done < content.size();) {
    const auto written = write(fd_, content.data() + done, content.size() - done);
    if (written < 0) throw LaunchError(ExitCode::not_permitted, "the plan could not be passed on: ", error_text(errno), ".");
    done += static_cast<std::size_t>(written);
  }
}

ReplayHandle::~ReplayHandle() { close(fd_); }

void ReplayHandle::rewind() const { lseek(fd_, 0, SEEK_SET); }

std::string ReplayHandle::environment() const { return text(replay_variable, fd_, ":", nonce_); }

}  // namespace afterimage::launch
