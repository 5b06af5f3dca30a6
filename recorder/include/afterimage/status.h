// The outcome of something that may fail because of the world outside: a full disk, a missing right, a foreign file.
//
//     afterimage::Status status = recorder.status();
//     if (!status) std::fprintf(stderr, "not recording: %s\n", status.message().c_str());
#pragma once
#include <string>
#include <utility>

namespace afterimage {

class [[nodiscard]] Status {
 public:
  Status() = default;  // success

  // `error` is an errno value (0 if none applies), `message` one sentence with the values involved.
  Status(int error, std::string message) : failed_(true), error_(error), message_(std::move(message)) {}

  bool ok() const noexcept { return !failed_; }
  explicit operator bool() const noexcept { return ok(); }
  int error() const noexcept { return error_; }
  const std::string& message() const noexcept { return message_; }

 private:
  bool failed_ = false;
  int error_ = 0;
  std::string message_;
};

}  // namespace afterimage
