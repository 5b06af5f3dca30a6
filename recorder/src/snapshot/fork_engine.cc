#include "snapshot/fork_engine.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <new>

#include "os/pages.h"

namespace afterimage {

ForkEngine::~ForkEngine() {
  if (copied_ != nullptr) munmap(copied_, os::kPageBytes);
}

int ForkEngine::probe() noexcept {
  void* const memory = mmap(nullptr, os::kPageBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return errno;
  copied_ = new (memory) std::atomic<bool>(false);
  static_assert(std::atomic<bool>::is_always_lock_free, "two processes use it");
  return 0;
}

int ForkEngine::begin(const Heap&, Image& image) noexcept {
  *copied_ = false;
  image.leave_out_unwritten();  // before there is a child: what was copied is asked by both
  const pid_t parent = getpid();
  sigset_t all, before;  // the program's handlers must not run in the child
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  // Not fork(): that would run the program's own preparations for it. No exit signal.
  child_ = static_cast<pid_t>(syscall(SYS_clone, 0, nullptr, nullptr, nullptr, nullptr));
  const int error = errno;
  if (child_ == 0) run_child(image, parent);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return child_ > 0 ? 0 : error;
}

void ForkEngine::run_child(const Image& image, pid_t parent) noexcept {
  constexpr std::size_t kStep = std::size_t{4} << 20;
  for (const PageRange& range : image.ranges())
    for (std::size_t done = 0; done < range.bytes; done += kStep) {
      if (syscall(SYS_getppid) != parent) syscall(SYS_exit_group, 1);
      image.copy(range.address + done, std::min(kStep, range.bytes - done));
    }
  copied_->store(true);
  for (;;) syscall(SYS_exit_group, 0);
}

SnapshotEngine::Progress ForkEngine::work(const std::atomic<bool>&) noexcept {
  // ECHILD: the program waits for everybody's children (__WALL), and was first.
  while (waitpid(child_, nullptr, __WALL) < 0 && errno == EINTR) continue;
  return copied_->load() ? Progress::complete : Progress::failed;
}

}  // namespace afterimage
