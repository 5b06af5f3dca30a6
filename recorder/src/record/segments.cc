#include "record/segments.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "base/file_descriptor.h"
#include "base/out_of_memory.h"

namespace afterimage {
namespace {

std::string segment_path(const std::string& directory, std::uint64_t number) {
  char name[32];
  std::snprintf(name, sizeof name, "/ev-%08llu.mcap", static_cast<unsigned long long>(number));
  return directory + name;
}

// Faults every page in for writing now, so that the reactor does not: 0.7 instead of 9.5 us at the 99.9th percentile.
void prefault(std::span<std::byte> memory) {
  constexpr int kMadvPopulateWrite = 23;  // Linux 5.14; not in every libc's headers
  if (madvise(memory.data(), memory.size(), kMadvPopulateWrite) == 0) return;
  for (std::size_t offset = 0; offset < memory.size(); offset += 4096)
    static_cast<volatile std::byte*>(memory.data())[offset] = std::byte{0};
}

void seal(Segment& segment) {
  segment.writer.seal();
  const std::size_t used = segment.writer.used();
  munmap(segment.memory.data(), segment.memory.size());
  // A failure leaves zeroes behind the footer: the file is still read.
  [[maybe_unused]] const int result = truncate(segment.path.c_str(), static_cast<off_t>(used));
}

void discard(Segment& segment) {
  munmap(segment.memory.data(), segment.memory.size());
  unlink(segment.path.c_str());
}

}  // namespace

SegmentKeeper::SegmentKeeper() {
  // The program's signals are for the program's threads.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { run(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

SegmentKeeper::~SegmentKeeper() {
  if (abandoned_) {
    thread_.detach();
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  work_.notify_all();
  thread_.join();
}

std::unique_ptr<Segment> SegmentKeeper::take(SegmentSource& source, std::size_t bytes, Status& status) {
  std::unique_lock lock(mutex_);
  if (bytes > source.next_bytes_) {  // one large event: a segment of its own size, made here and now
    const std::uint64_t number = source.next_number_++;
    lock.unlock();
    return make(source, number, bytes, status);
  }
  ask(source);
  if (source.ready_.load() == nullptr && source.failure_.ok()) {
    stalls_.fetch_add(1, std::memory_order_relaxed);
    prepared_.wait(lock, [&] { return source.ready_.load() != nullptr || !source.failure_.ok(); });
  }
  std::unique_ptr<Segment> segment(source.ready_.exchange(nullptr));
  if (segment == nullptr) {
    status = source.failure_;
    return nullptr;
  }
  source.next_bytes_ = std::min(2 * source.next_bytes_, source.segment_bytes_);
  ask(source);
  return segment;
}

void SegmentKeeper::give_back(std::unique_ptr<Segment> segment) {
  {
    const std::lock_guard lock(mutex_);
    full_.push_back(std::move(segment));
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
  std::unique_lock lock(mutex_);
  for (;;) {
    work_.wait(lock, [&] { return stopping_ || !wanted_.empty() || !full_.empty(); });
    if (!wanted_.empty()) {  // first: somebody may be waiting
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
      source.failure_ = status;
      source.ready_.store(segment.release());
      prepared_.notify_all();
    } else if (!full_.empty()) {
      const std::unique_ptr<Segment> segment = std::move(full_.front());
      full_.pop_front();
      lock.unlock();
      seal(*segment);
      lock.lock();
    } else if (stopping_) {
      return;
    }
  }
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
  // Allocated now, because a hole on a full disk would be a SIGBUS inside react().
  if (const int error = posix_fallocate(file.get(), 0, static_cast<off_t>(file_bytes)); error != 0)
    return failed("allocated", error);
  void* const memory = mmap(nullptr, file_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
  if (memory == MAP_FAILED) return failed("mapped", errno);
  segment->memory = {static_cast<std::byte*>(memory), file_bytes};
  prefault(segment->memory);
  segment->writer = format::Writer(segment->memory);
  return segment;
}

}  // namespace afterimage
