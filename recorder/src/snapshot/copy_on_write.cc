#include "snapshot/copy_on_write.h"

#include <errno.h>
#include <immintrin.h>
#include <sys/mman.h>

#include <algorithm>

#include "snapshot/copy_pages.h"
#include "snapshot/write_faults.h"

namespace afterimage {
namespace {

constexpr std::size_t kRun = 64;  // pages given back by one call

std::byte* pointer(std::uintptr_t address) noexcept { return reinterpret_cast<std::byte*>(address); }

}  // namespace

int CopyOnWriteEngine::begin(const Heap& heap, Image& image) noexcept {
  image_ = &image;
  if (const int error = prepare(heap); error != 0) return error;
  if (const int error = claims_.reset(heap.base(), heap.slot_bytes()); error != 0) return error;
  image.leave_out_unwritten();
  for (const PageRange& range : image.ranges()) claims_.add(range.address, range.bytes);
  running_ = true;
  for (const PageRange& range : image.ranges()) {
    const int error = protect(range.address, range.bytes);
    if (error == 0) continue;
    release_all();
    running_ = false;
    return error;
  }
  return 0;
}

SnapshotEngine::Progress CopyOnWriteEngine::work(const std::atomic<bool>&) noexcept {
  for (const PageRange& range : image_->ranges()) {
    const std::size_t end = claims_.page_of(range.address + range.bytes - 1) + 1;
    for (std::size_t page = claims_.page_of(range.address); page < end; page += kRun) copy_run(page, std::min(page + kRun, end));
  }
  release_all();  // what could not be given back before, for want of mappings
  serve_writers();
  running_ = false;
  return Progress::complete;
}

void CopyOnWriteEngine::copy_run(std::size_t begin, std::size_t end) noexcept {
  for (std::size_t page = begin; page < end; ++page) {
    if (claims_.claim(page, PageState::copying)) copy(page);
    if (page % 4 == 0) serve_writers();
  }
  for (std::size_t page = begin; page < end; ++page) wait_until_copied(page);
  (void)release(claims_.address_of(begin), (end - begin) * os::kPageBytes);
}

void CopyOnWriteEngine::copy(std::size_t page) noexcept {
  const std::uintptr_t address = claims_.address_of(page);
  image_->copy(address, os::kPageBytes);
  if (claims_.publish(page)) return;
  while (claims_.state(page) == PageState::stealing) _mm_pause();
  copy_pages(image_->at(address), aside_, os::kPageBytes);
  claims_.publish_stolen(page);
}

void CopyOnWriteEngine::wait_until_copied(std::size_t page) noexcept {
  while (claims_.state(page) != PageState::copied) _mm_pause();
}

bool CopyOnWriteEngine::on_write(std::uintptr_t address) noexcept {
  if (!running_.load(std::memory_order_acquire) || !claims_.covers(address)) return false;
  const std::size_t page = claims_.page_of(address);
  if (claims_.state(page) == PageState::outside) return false;
  copy_before_write(page);
  if (release(claims_.address_of(page), os::kPageBytes) != 0) release_around(page);
  return true;
}

// Returns when the page may be written: its content is, or surely will be, in the image.
void CopyOnWriteEngine::copy_before_write(std::size_t page) noexcept {
  const std::uintptr_t address = claims_.address_of(page);
  if (claims_.claim(page, PageState::copying_to_write)) {
    image_->copy(address, os::kPageBytes);
    return claims_.publish_to_write(page);
  }
  if (claims_.steal(page)) {
    copy_pages(aside_, pointer(address), os::kPageBytes);
    return claims_.stolen(page);
  }
  for (PageState state = claims_.state(page); state == PageState::copying_to_write || state == PageState::stealing;
       state = claims_.state(page))
    _mm_pause();  // another thread of the program writes the same page
}

// Each page given back alone splits a mapping, and a process has 65,530. When they are used up, larger and larger
// surroundings are given back, so that mappings grow together again.
void CopyOnWriteEngine::release_around(std::size_t page) noexcept {
  for (std::size_t block = kRun; block < 2 * claims_.pages(); block *= 8) {
    const std::size_t begin = page / block * block, end = std::min(begin + block, claims_.pages());
    for (std::size_t other = begin; other < end; ++other) {
      if (claims_.state(other) == PageState::outside) continue;
      copy_before_write(other);
    }
    if (release(claims_.address_of(begin), (end - begin) * os::kPageBytes) == 0) return;
  }
}

void CopyOnWriteEngine::release_all() noexcept {
  for (const PageRange& range : image_->ranges()) (void)release(range.address, range.bytes);
}

MprotectEngine::~MprotectEngine() { remove_write_fault_handler(this); }

int MprotectEngine::probe() noexcept { return add_write_fault_handler(this, on_fault) ? 0 : ENOSPC; }

int MprotectEngine::prepare(const Heap& heap) noexcept {
  slot_ = heap.base();
  slot_bytes_ = heap.slot_bytes();
  return come_first_at_write_faults();
}

int MprotectEngine::protect(std::uintptr_t address, std::size_t bytes) noexcept {
  return mprotect(pointer(address), bytes, PROT_READ) == 0 ? 0 : errno;
}

int MprotectEngine::release(std::uintptr_t address, std::size_t bytes) noexcept {
  return mprotect(pointer(address), bytes, PROT_READ | PROT_WRITE) == 0 ? 0 : errno;
}

bool MprotectEngine::on_fault(void* self, std::uintptr_t address) noexcept {
  return static_cast<MprotectEngine*>(self)->on_write(address);
}

void MprotectEngine::abandon_after_fork() noexcept {
  if (slot_ != 0) (void)release(slot_, slot_bytes_);
}

int UserfaultEngine::probe() noexcept {
  survives_kernel_writes_ = userfault_.open(os::Userfault::Mode::all_writes) == 0;
  return survives_kernel_writes_ ? 0 : userfault_.open(os::Userfault::Mode::user_writes);
}

void UserfaultEngine::serve_writers() noexcept {
  std::uintptr_t addresses[16];
  for (std::size_t count; (count = userfault_.read_faults(addresses)) > 0;)
    for (std::size_t i = 0; i < count; ++i) (void)on_write(addresses[i]);
}

}  // namespace afterimage
