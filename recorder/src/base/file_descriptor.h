// Owns a file descriptor.
#pragma once
#include <fcntl.h>
#include <unistd.h>

#include <utility>

namespace afterimage {

class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int number) noexcept : number_(number) {}
  FileDescriptor(FileDescriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~FileDescriptor() {
    if (number_ >= 0) ::close(number_);
  }

  // In a replay the low numbers are for the files that the program opens again.
  void move_out_of_the_way() noexcept {
    constexpr int kFirst = 512;
    if (FileDescriptor high(fcntl(number_, F_DUPFD_CLOEXEC, kFirst)); high.valid()) std::swap(number_, high.number_);
  }

  bool valid() const noexcept { return number_ >= 0; }
  int get() const noexcept { return number_; }

 private:
  int number_ = -1;
};

}  // namespace afterimage
