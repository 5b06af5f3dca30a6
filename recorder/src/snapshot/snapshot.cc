#include "snapshot/snapshot.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>

#include "os/modules.h"

namespace afterimage {
namespace {

constexpr std::size_t kPage = 4096;

std::vector<std::byte> read_auxiliary_vector() {
  std::ifstream file("/proc/self/auxv", std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  const auto* const bytes = reinterpret_cast<const std::byte*>(text.data());
  return {bytes, bytes + text.size()};
}

}  // namespace

SnapshotWriter::SnapshotWriter() : auxiliary_vector_(read_auxiliary_vector()) {
  sigset_t all, before;  // the program's signals are for the program's threads
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { run(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

SnapshotWriter::~SnapshotWriter() {
  if (abandoned_) {
    thread_.detach();
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
  if (staging_ != nullptr) munmap(staging_, staging_bytes_);
}

void SnapshotWriter::set_modules(std::vector<format::CoreModule> modules) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return !busy_; });
  modules_ = std::move(modules);
  // Copied now: a library may be unloaded while a snapshot is written.
  module_pages_.resize(modules_.size() * kPage);
  for (std::size_t i = 0; i < modules_.size(); ++i)
    std::memcpy(module_pages_.data() + i * kPage, reinterpret_cast<const void*>(modules_[i].base), kPage);
}

bool SnapshotWriter::try_capture(const Heap& heap, const SnapshotOrder& order) {
  const std::lock_guard lock(mutex_);
  if (busy_) return false;
  copy_pages(heap);
  order_ = order;
  busy_ = true;
  changed_.notify_all();
  return true;
}

Status SnapshotWriter::save_now(const Heap& heap, const SnapshotOrder& order) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return !busy_; });
  copy_pages(heap);
  return write_and_tell(order);
}

void SnapshotWriter::wait_until_idle() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return !busy_; });
}

// Fills ranges_ with the executable's data and the heap's used ranges, copied to the staging buffer.
void SnapshotWriter::copy_pages(const Heap& heap) {
  ranges_.clear();
  std::size_t bytes = 0;
  const auto add = [&](std::uintptr_t address, std::size_t size) {
    // Adjacent tables become one load.
    if (!ranges_.empty() && ranges_.back().address + ranges_.back().bytes == address)
      ranges_.back().bytes += size;
    else
      ranges_.push_back({address, size, PF_R | PF_W, nullptr});
    bytes += size;
  };
  heap.used_ranges(add);
  if (const os::AddressRange data = os::executable_data(); data.bytes > 0) add(data.address, data.bytes);
  if (!reserve_staging(bytes)) {
    ranges_.clear();
    return;
  }
  std::byte* to = staging_;
  for (format::CoreRange& range : ranges_) {
    std::memcpy(to, reinterpret_cast<const void*>(range.address), range.bytes);
    range.data = to;
    to += range.bytes;
  }
}

// The buffer is kept from one snapshot to the next: copying into fresh pages takes six times as long.
bool SnapshotWriter::reserve_staging(std::size_t bytes) {
  if (bytes <= staging_bytes_) return true;
  if (staging_ != nullptr) munmap(staging_, staging_bytes_);
  staging_bytes_ = bytes + bytes / 4;
  staging_bytes_ = (staging_bytes_ + kPage - 1) & ~(kPage - 1);
  void* const memory =
      mmap(nullptr, staging_bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  staging_ = memory == MAP_FAILED ? nullptr : static_cast<std::byte*>(memory);
  if (staging_ == nullptr) staging_bytes_ = 0;
  else madvise(staging_, staging_bytes_, MADV_DONTDUMP);  // a core dump holds the pages themselves
  return staging_ != nullptr;
}

Status SnapshotWriter::write_and_tell(const SnapshotOrder& order) {
  std::uint64_t file_bytes = 0;
  const Status status = write_file(order, file_bytes);
  if (order.on_written != nullptr) order.on_written(order.context, order, file_bytes, status);
  return status;
}

Status SnapshotWriter::write_file(const SnapshotOrder& order, std::uint64_t& file_bytes) {
  if (ranges_.empty()) return Status(ENOMEM, "snapshot " + order.path + ": no memory for a copy of the pages.");
  const std::string temporary = order.path + ".tmp";
  std::vector<format::CoreRange> ranges;
  for (std::size_t i = 0; i < modules_.size(); ++i)
    ranges.push_back({modules_[i].base, kPage, PF_R, module_pages_.data() + i * kPage});
  ranges.insert(ranges.end(), ranges_.begin(), ranges_.end());
  std::ranges::sort(ranges, {}, &format::CoreRange::address);  // as ELF wants its loads

  const FileDescriptor file(open(temporary.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  int error = file.valid() ? format::write_core(file.get(), order.note, auxiliary_vector_, modules_, ranges) : errno;
  if (error == 0 && rename(temporary.c_str(), order.path.c_str()) != 0) error = errno;
  for (const format::CoreRange& range : ranges) file_bytes += range.bytes;
  if (error == 0) return {};
  unlink(temporary.c_str());
  return Status(error, "snapshot " + order.path + " cannot be written: " + std::strerror(error) + ".");
}

void SnapshotWriter::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return busy_ || stopping_; });
    if (!busy_) return;
    lock.unlock();
    (void)write_and_tell(order_);
    lock.lock();
    busy_ = false;
    changed_.notify_all();
  }
}

}  // namespace afterimage
