// `cow-mprotect` and `cow-uffd`: the parallel snapshot by copy-on-write in user space.
//
// At the instant all pages are write-protected. A copier walks over them, copies, and gives them back in runs of 64. Whoever
// writes a page before that is stopped by the kernel, and goes on when the page has been copied (page_claims.h).
//
//                   who is told of a write             what it does to system calls that write into the heap
//     cow-mprotect  the writing thread, by SIGSEGV     they fail with EFAULT, or stop short
//     cow-uffd      the copier, by the userfaultfd     nothing, if the process has the privilege; else as above
//
// Measured, both answer worse than stopping does while a reactor writes much: each first write costs 10 to 100 us. They are
// for kernels before 6.7 with pauses that must be short and few writes.
#pragma once
#include <cstddef>

#include "os/write_tracking.h"
#include "snapshot/engine.h"
#include "snapshot/page_claims.h"

namespace afterimage {

class CopyOnWriteEngine : public SnapshotEngine {
 public:
  int begin(const Heap& heap, Image& image) noexcept final;
  Progress work(const std::atomic<bool>& cancelled) noexcept final;

 protected:
  // Copies the page before it is written and gives it back. False: not a page of a running snapshot.
  bool on_write(std::uintptr_t address) noexcept;

 private:
  virtual int prepare(const Heap& heap) noexcept = 0;
  virtual int protect(std::uintptr_t address, std::size_t bytes) noexcept = 0;
  virtual int release(std::uintptr_t address, std::size_t bytes) noexcept = 0;
  virtual void serve_writers() noexcept {}  // called often by the copier

  void copy(std::size_t page) noexcept;
  void copy_run(std::size_t begin, std::size_t end) noexcept;
  void copy_before_write(std::size_t page) noexcept;
  void wait_until_copied(std::size_t page) noexcept;
  void release_around(std::size_t page) noexcept;
  void release_all() noexcept;

  PageClaims claims_;
  Image* image_ = nullptr;
  std::atomic<bool> running_ = false;
  alignas(64) std::byte aside_[os::kPageBytes];  // the stolen page
};

class MprotectEngine : public CopyOnWriteEngine {
 public:
  ~MprotectEngine() override;
  const char* name() const noexcept override { return "cow-mprotect"; }
  bool survives_kernel_writes() const noexcept override { return false; }
  // A child of the program that writes a protected page copies it as well, to a mirror that nobody looks at.
  Image::Sharing sharing() const noexcept override { return Image::Sharing::copied_to_children; }
  int probe() noexcept override;
  void abandon_after_fork() noexcept override;

 private:
  int prepare(const Heap& heap) noexcept override;
  int protect(std::uintptr_t address, std::size_t bytes) noexcept override;
  int release(std::uintptr_t address, std::size_t bytes) noexcept override;
  static bool on_fault(void* self, std::uintptr_t address) noexcept;

  std::uintptr_t slot_ = 0;
  std::size_t slot_bytes_ = 0;
};

class UserfaultEngine : public CopyOnWriteEngine {
 public:
  const char* name() const noexcept override { return "cow-uffd"; }
  bool survives_kernel_writes() const noexcept override { return survives_kernel_writes_; }
  int probe() noexcept override;

 private:
  int prepare(const Heap& heap) noexcept override { return userfault_.watch(heap.base(), heap.slot_bytes()); }
  int protect(std::uintptr_t address, std::size_t bytes) noexcept override { return userfault_.protect(address, bytes); }
  int release(std::uintptr_t address, std::size_t bytes) noexcept override { return userfault_.release(address, bytes); }
  void serve_writers() noexcept override;

  os::Userfault userfault_;
  bool survives_kernel_writes_ = false;
};

}  // namespace afterimage
