#include "record/segments.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "base/file_descriptor.h"
#include "base/out_of_memory.h"
#include "base/start_thread.h"
#include "os/disk.h"

namespace afterimage {
namespace {

std::string segment_path(const std::string& directory, std::uint64_t number) {
  char name[32];
  std::snprintf(name, sizeof name, "/ev-%08llu.mcap", static_cast<unsigned long long>(number));
  return directory + name;
}

// Never written: all its pages are the kernel's one page of zeroes, so that a copy reads from the nearest cache.
std::byte g_zeroes[std::size_t{1} << 20];

// The file has these zeroes anyway. Written, they are in memory at once, and in pages as large as the file system and the kernel have them, instead
// of being read in page by page: less than half of the time, and fewer addresses for the reactor's thread to look up.
// Returns an errno.
int fill_with_zeroes(int file, std::size_t bytes) {
  for (std::size_t offset = 0; offset < bytes;) {
    const ssize_t written = pwrite(file, g_zeroes, std::min(sizeof g_zeroes, bytes - offset), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return written < 0 ? errno : EIO;
    offset += static_cast<std::size_t>(written);
  }
  return 0;
}

// Faults every page in for writing now, so that the reactor does not: 0.7 instead of 9.5 us at the 99.9th percentile.
void prefault(std::span<std::byte> memory) {
  constexpr int kMadvPopulateWrite = 23;  // Linux 5.14; not in every libc's headers
  if (madvise(memory.data(), memory.size(), kMadvPopulateWrite) == 0) return;
  for (std::size_t offset = 0; offset < memory.size(); offset += 4096)
    static_cast<volatile std::byte*>(memory.data())[offset] = std::byte{0};
}

void sync_file(const std::string& path) {
  const FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.valid()) fsync(file.get());
}

void seal(Segment& segment, bool sync) {
  segment.writer.seal();
  const std::size_t used = segment.writer.used();
  munmap(segment.memory.data(), segment.memory.size());
  // A failure leaves zeroes behind the footer: the file is still read.
  [[maybe_unused]] const int result = truncate(segment.path.c_str(), static_cast<off_t>(used));
  if (sync) sync_file(segment.path);
}

void discard(Segment& segment) {
  munmap(segment.memory.data(), segment.memory.size());
  unlink(segment.path.c_str());
}

}  // namespace

SegmentKeeper::SegmentKeeper(std::chrono::milliseconds sync_interval)
    : sync_interval_(sync_interval), next_sync_(Clock::now() + sync_interval) {
  thread_ = start_thread([this] { run(); });
}

SegmentKeeper::~SegmentKeeper() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  work_.notify_all();
  thread_.join();
}

std::unique_ptr<Segment> SegmentKeeper::take(SegmentSource& source, std::size_t bytes, bool wait, Status& status) {
  std::unique_lock lock(mutex_);
  if (bytes > source.next_bytes_) {  // one large event: a segment of its own size, made here and now
    const std::uint64_t number = source.next_number_++;
    lock.unlock();
    std::unique_ptr<Segment> segment = make(source, number, bytes, status);
    lock.lock();
    if (segment != nullptr) begun(*segment);
    return segment;
  }
  ask(source);
  if (source.ready_.load() == nullptr && source.failure_.ok()) {
    stalls_.fetch_add(1, std::memory_order_relaxed);
    if (!wait) {
      status = Status(EAGAIN, "events came faster than event segments could be prepared.");
      return nullptr;
    }
    prepared_.wait(lock, [&] { return source.ready_.load() != nullptr || !source.failure_.ok(); });
  }
  std::unique_ptr<Segment> segment(source.ready_.exchange(nullptr));
  if (segment == nullptr) {
    status = source.failure_;
    return nullptr;
  }
  source.next_bytes_ = std::min(2 * source.next_bytes_, source.segment_bytes_);
  ask(source);
  begun(*segment);
  return segment;
}

bool SegmentKeeper::is_ready(SegmentSource& source) {
  const std::lock_guard lock(mutex_);
  if (source.ready_.load() != nullptr) return true;
  if (!source.asked_) source.failure_ = {};
  ask(source);
  return false;
}

void SegmentKeeper::sync_first(std::span<std::byte> memory) {
  const std::lock_guard lock(mutex_);
  if (sync_interval_.count() != 0) in_use_.insert(in_use_.begin(), memory);
}

void SegmentKeeper::begun(Segment& segment) {
  if (sync_interval_.count() != 0) in_use_.push_back(segment.memory);
}

void SegmentKeeper::give_back(std::unique_ptr<Segment> segment) noexcept {
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(in_use_, [&](const auto& memory) { return memory.data() == segment->memory.data(); });
    if (!finds_memory([&] { full_.push_back(std::move(segment)); })) return seal(*segment, sync_interval_.count() != 0);
  }
  work_.notify_one();
}

void SegmentKeeper::forget(SegmentSource& source) {
  std::unique_lock lock(mutex_);
  std::erase(wanted_, &source);
  prepared_.wait(lock, [&] { return in_progress_ != &source; });
  if (const std::unique_ptr<Segment> unused{source.ready_.exchange(nullptr)}) discard(*unused);
}

void SegmentKeeper::ask(SegmentSource& source) {
  if (source.asked_ || source.ready_.load() != nullptr || !source.failure_.ok()) return;
  wanted_.push_back(&source);
  source.asked_ = true;
  work_.notify_one();
}

void SegmentKeeper::run() {
  const auto has_work = [&] { return stopping_ || !wanted_.empty() || !full_.empty(); };
  std::unique_lock lock(mutex_);
  for (;;) {
    if (sync_interval_.count() == 0) work_.wait(lock, has_work);
    else work_.wait_until(lock, next_sync_, has_work);
    if (sync_interval_.count() != 0 && Clock::now() >= next_sync_) sync_in_use(lock);
    if (!wanted_.empty()) prepare_one(lock);  // first: somebody may be waiting
    else if (!full_.empty()) seal_one(lock);
    else if (stopping_) return;
  }
}

void SegmentKeeper::prepare_one(std::unique_lock<std::mutex>& lock) {
  SegmentSource& source = *wanted_.front();
  wanted_.pop_front();
  in_progress_ = &source;
  const std::uint64_t number = source.next_number_++;
  const std::size_t bytes = source.next_bytes_;
  lock.unlock();
  Status status;
  std::unique_ptr<Segment> segment;
  if (!finds_memory([&] { segment = make(source, number, bytes, status); })) status = out_of_memory();
  lock.lock();
  in_progress_ = nullptr;
  source.asked_ = false;
  source.failure_ = std::move(status);  // a copy would need memory
  source.ready_.store(segment.release());
  prepared_.notify_all();
}

void SegmentKeeper::seal_one(std::unique_lock<std::mutex>& lock) {
  const std::unique_ptr<Segment> segment = std::move(full_.front());
  full_.pop_front();
  sealing_ = segment.get();
  lock.unlock();
  seal(*segment, sync_interval_.count() != 0);
  lock.lock();
  sealing_ = nullptr;
  prepared_.notify_all();
}

void SegmentKeeper::finish(const std::string& directory) {
  const auto is_of_it = [&](const Segment& segment) { return segment.path.starts_with(directory + "/"); };
  std::unique_lock lock(mutex_);
  prepared_.wait(lock, [&] {
    return (sealing_ == nullptr || !is_of_it(*sealing_)) && std::ranges::none_of(full_, [&](const auto& segment) { return is_of_it(*segment); });
  });
}

// The pages that have changed since the last time. What fails here would fail when the kernel writes them, too.
void SegmentKeeper::sync_in_use(std::unique_lock<std::mutex>& lock) {
  std::vector<std::span<std::byte>> segments;
  (void)finds_memory([&] { segments = in_use_; });
  lock.unlock();
  for (const std::span<std::byte> memory : segments) msync(memory.data(), memory.size(), MS_SYNC);
  lock.lock();
  next_sync_ = Clock::now() + sync_interval_;
}

std::unique_ptr<Segment> SegmentKeeper::make(const SegmentSource& source, std::uint64_t number, std::size_t bytes,
                                             Status& status) {
  const std::size_t file_bytes = (bytes + 4095) & ~std::size_t{4095};
  auto segment = std::make_unique<Segment>();
  segment->number = number;
  segment->path = segment_path(source.directory_, number);
  const FileDescriptor file(open(segment->path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  const auto failed = [&](const char* what, int error) {
    if (file.valid()) unlink(segment->path.c_str());
    status = Status(error, "event segment " + segment->path + " (" + std::to_string(file_bytes >> 10) + " KiB) cannot be " +
                               what + ": " + std::strerror(error) + ".");
    return nullptr;
  };
  if (!file.valid()) return failed("created", errno);
  // Near to the limit pages come when they are needed, and others can go; but those of a file in memory cannot.
  const bool has_room = memory_limit_.has_room_for(file_bytes);
  if (!has_room && os::is_in_memory(file.get())) return failed("kept in memory, whose limit is near", ENOMEM);
  // Allocated now, because a hole on a full disk would be a SIGBUS inside react().
  if (const int error = posix_fallocate(file.get(), 0, static_cast<off_t>(file_bytes)); error != 0)
    return failed("allocated", error);
  if (const int error = fill_with_zeroes(file.get(), file_bytes); error != 0) return failed("written", error);
  void* const memory = mmap(nullptr, file_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
  if (memory == MAP_FAILED) return failed("mapped", errno);
  segment->memory = {static_cast<std::byte*>(memory), file_bytes};
  if (has_room) prefault(segment->memory);
  if (sync_interval_.count() != 0) {
    fsync(file.get());
    os::sync_directory(source.directory_);
  }
  segment->writer = format::Writer(segment->memory);
  return segment;
}

}  // namespace afterimage
