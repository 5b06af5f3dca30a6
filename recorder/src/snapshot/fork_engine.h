// `fork`: a child process keeps the pages as they are at the instant, and copies them into memory shared with us.
//
// Works on any kernel and with any system call, but each first write of a page by the program then copies that page, the
// page tables are copied in the pause (25 to 50 ms per GB), and memory may be needed twice.
//
// The child is nobody's business: it has no exit signal, so neither SIGCHLD nor wait() tell the program of it; it takes no
// signals, calls nothing but the kernel, and ends when its parent does.
#pragma once
#include <sys/types.h>

#include "snapshot/engine.h"

namespace afterimage {

class ForkEngine : public SnapshotEngine {
 public:
  ForkEngine() = default;
  ~ForkEngine() override;

  const char* name() const noexcept override { return "fork"; }
  Image::Sharing sharing() const noexcept override { return Image::Sharing::with_children; }
  int probe() noexcept override;
  int begin(const Heap& heap, Image& image) noexcept override;
  Progress work(const std::atomic<bool>& cancelled) noexcept override;

 private:
  [[noreturn]] void run_child(const Image& image, pid_t parent) noexcept;

  std::atomic<bool>* copied_ = nullptr;  // shared with the child
  pid_t child_ = -1;
};

}  // namespace afterimage
