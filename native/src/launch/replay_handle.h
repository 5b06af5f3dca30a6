// The plan in a memfd, and the environment variable that names it.
//
// A plain variable with a path would be inherited by everything the program starts; once, such a left-over turned a
// recording run into a replay. The number of a descriptor is useless elsewhere, and the nonce, which must equal the last
// line of the content, makes sure that the descriptor is the one that was meant.
#pragma once

#include <string>

#include "plan.h"

namespace afterimage::launch {

class ReplayHandle {
 public:
  explicit ReplayHandle(const Plan& plan);
  ~ReplayHandle();
  ReplayHandle(const ReplayHandle&) = delete;
  ReplayHandle& operator=(const ReplayHandle&) = delete;

  void rewind() const;  // the children of all attempts share one file position
  std::string environment() const;  // AFTERIMAGE_REPLAY=FD:NONCE

 private:
  int fd_;
  std::string nonce_;
};

inline constexpr char replay_variable[] = "AFTERIMAGE_REPLAY=";

}  // namespace afterimage::launch
