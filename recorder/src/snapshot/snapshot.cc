#include "snapshot/snapshot.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <fstream>
#include <iterator>
#include <utility>

#include "base/out_of_memory.h"
#include "base/raw_log.h"
#include "base/start_thread.h"
#include "os/disk.h"
#include "os/modules.h"
#include "os/pages.h"
#include "snapshot/copy_pages.h"
#include "snapshot/written_ranges.h"

namespace afterimage {
namespace {

// Up to here a copy takes less than 0.2 ms: less than it takes to begin anything cleverer.
constexpr std::size_t kSmallArena = std::size_t{2} << 20;

// A replay maps the full snapshot and all deltas since.
constexpr int kMostDeltas = 7;

// How long a snapshot waits for the next event of its reactor when others want theirs.
constexpr std::chrono::milliseconds kPatience{100};

std::vector<std::byte> read_auxiliary_vector() {
  std::ifstream file("/proc/self/auxv", std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  const auto* const bytes = reinterpret_cast<const std::byte*>(text.data());
  return {bytes, bytes + text.size()};
}

int write_core(int file, int compression, const format::CoreNotes& notes, std::span<const format::CoreRange> ranges) {
  return compression == 0 ? format::write_core(file, notes, ranges) : format::write_compressed_core(file, compression, notes, ranges);
}

std::uint64_t bytes_of(const std::vector<format::CoreRange>& ranges) noexcept {
  std::uint64_t sum = 0;
  for (const format::CoreRange& range : ranges) sum += range.bytes;
  return sum;
}

}  // namespace

SnapshotWriter::SnapshotWriter(std::unique_ptr<SnapshotEngine> engine, int compression)
    : engine_(std::move(engine)), compression_(compression), image_(engine_->sharing()), modules_(std::make_shared<Modules>()),
      auxiliary_vector_(read_auxiliary_vector()) {
  thread_ = start_thread([this] { run(); });
}

SnapshotWriter::~SnapshotWriter() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    cancelled_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void SnapshotWriter::abandon_after_fork() noexcept {
  engine_->abandon_after_fork();
}

void SnapshotWriter::set_modules(std::vector<format::CoreModule> modules, std::vector<os::AddressRange> variables) {
  auto next = std::make_shared<Modules>();
  next->list = std::move(modules);
  // All memory that a snapshot needs for them is asked for, and touched, here.
  std::size_t variable_bytes = 0;
  for (const os::AddressRange& range : variables) variable_bytes += range.bytes;
  next->variable_bytes.resize(variable_bytes);
  std::byte* copy = next->variable_bytes.data();
  for (const os::AddressRange& range : variables) {
    next->variables.push_back({range.address, range.bytes, copy});
    copy += range.bytes;
  }
  // Copied now: a library may be unloaded while a snapshot is written.
  next->first_pages.resize(next->list.size() * os::kPageBytes);
  for (std::size_t i = 0; i < next->list.size(); ++i)
    std::memcpy(next->first_pages.data() + i * os::kPageBytes, reinterpret_cast<const void*>(next->list[i].base), os::kPageBytes);
  const std::lock_guard lock(mutex_);
  modules_ = std::move(next);
}

void SnapshotWriter::Modules::copy_variables() const noexcept {
  for (const VariablePages& pages : variables) copy_pages(pages.copy, reinterpret_cast<const std::byte*>(pages.address), pages.bytes);
}

void SnapshotWriter::Modules::list_variables(std::vector<format::CoreRange>& ranges) const {
  for (const VariablePages& pages : variables) ranges.push_back({pages.address, pages.bytes, PF_R | PF_W, pages.copy});
}

SnapshotWriter::Begun SnapshotWriter::begin(const Heap& heap, SnapshotOrder order) {
  const std::lock_guard lock(mutex_);
  if (is_busy()) return Begun::no;
  if (const int error = image_.attach(heap); error != 0) {
    say_once(RawLine().text("no addresses for a copy of a reactor's pages (").text(std::strerror(error)).text("): it waits while its snapshot is written"));
    return Begun::no_room;
  }
  image_.list_ranges(heap);
  if (!has_room()) return Begun::no_room;
  image_.set_variables(modules_->variables);
  begun_with_ = modules_;
  const bool stop = order.at_once || engine_failed_ || image_.bytes() + image_.variable_bytes() < kSmallArena;
  return begin_with(stop ? stop_ : *engine_, heap, std::move(order));
}

// With a copy beside a large heap the limit may be reached, and then it is the program that the kernel ends. Of a heap that was never
// written for the most part, no more is copied than the process has in memory.
bool SnapshotWriter::has_room() noexcept {
  if (image_.new_bytes() == 0 || memory_limit_.has_room_for(std::min<std::uint64_t>(image_.new_bytes(), os::resident_bytes()))) return true;
  say_once(RawLine().text("memory leaves no room for a copy of ").number(image_.bytes() >> 20).text(" MiB: the reactor waits while its snapshot is written"));
  return false;
}

// Why a reactor has to wait is told once: it may do so at every snapshot.
void SnapshotWriter::say_once(RawLine& line) noexcept {
  if (!std::exchange(said_why_it_waits_, true)) line.print();
}

SnapshotWriter::Begun SnapshotWriter::begin_with(SnapshotEngine& engine, const Heap& heap, SnapshotOrder&& order) {
  if (const int error = engine.begin(heap, image_); error != 0) {
    say_once(RawLine().text("snapshot engine ").text(engine.name()).text(" cannot begin (").text(std::strerror(error)).text("): the reactor stops for a copy"));
    return begin_with(stop_, heap, std::move(order));
  }
  image_.will_be_copied();
  heap_ = &heap;
  current_ = &engine;
  cancelled_ = false;
  others_wait_ = false;
  const bool captured = !engine.finishes_at_boundary();
  if (captured) capture(std::move(order), false);
  set_state(State::working);
  changed_.notify_all();
  return captured ? Begun::captured : Begun::begun;
}

// At the snapshot's instant. A library may have been loaded since it was begun: then the image has too few variables.
void SnapshotWriter::capture(SnapshotOrder&& order, bool has_variables) noexcept {
  if (!has_variables || begun_with_ != modules_) modules_->copy_variables();
  captured_ = modules_;
  order_ = std::move(order);
}

bool SnapshotWriter::finish(const Heap& heap, SnapshotOrder order) {
  const std::lock_guard lock(mutex_);
  if (state_ != State::ready || heap_ != &heap) return false;
  ready_ = nullptr;
  const bool finished = current_->finish();
  if (finished) capture(std::move(order), current_->has_variables());
  set_state(finished ? State::writing : State::working);
  changed_.notify_all();
  return finished;
}

Status SnapshotWriter::save_now(const Heap& heap, const SnapshotOrder& order) {
  std::vector<VariablePages> variables;
  {
    // One with an earlier position is completed first. One that needs a boundary goes on, to a later position.
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] {
      return state_ == State::idle || heap_ != &heap || (state_ != State::writing && current_->finishes_at_boundary());
    });
    // Deltas stand on the full snapshot before them, so that both can be dropped together.
    if (parent_.reactor == order.note.reactor) parent_.valid = false;
    variables = modules_->variables;
  }
  std::vector<format::CoreRange> ranges;
  live_ranges(heap, ranges);
  for (const VariablePages& pages : variables)
    ranges.push_back({pages.address, pages.bytes, PF_R | PF_W, reinterpret_cast<const std::byte*>(pages.address)});
  Status status = write_and_tell(order, std::move(ranges), 0);
  if (status.ok() && compression_ != 0) unlink((order.path + ".zst").c_str());  // of the same position, from before
  return status;
}

void SnapshotWriter::let_go(const Heap& heap) {
  std::unique_lock lock(mutex_);
  if (heap_ == &heap) {
    cancelled_ = true;
    changed_.notify_all();
    changed_.wait(lock, [&] { return state_ == State::idle || heap_ != &heap; });
  }
  image_.forget(heap);  // another reactor may be restored to this slot
}

void SnapshotWriter::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return state_ != State::idle || stopping_; });
    if (state_ == State::idle) return;
    if (state_ == State::working) work(lock);
    if (state_ == State::ready) wait_for_boundary(lock);
    if (state_ == State::writing) {
      lock.unlock();
      current_->end();
      write_image();
      lock.lock();
      conclude();
    }
  }
}

void SnapshotWriter::work(std::unique_lock<std::mutex>& lock) {
  lock.unlock();
  const SnapshotEngine::Progress progress = current_->work(cancelled_);
  if (progress == SnapshotEngine::Progress::abandoned || progress == SnapshotEngine::Progress::failed) current_->end();
  lock.lock();
  switch (progress) {
    case SnapshotEngine::Progress::complete: return set_state(State::writing);
    case SnapshotEngine::Progress::needs_boundary:
      set_state(State::ready);
      ready_ = heap_.load();
      return;
    case SnapshotEngine::Progress::failed:
      engine_failed_ = true;
      RawLine().text("snapshot engine ").text(current_->name()).text(" has failed; from now on reactors stop for snapshots").print();
      return conclude();
    case SnapshotEngine::Progress::abandoned: return conclude();
  }
}

void SnapshotWriter::wait_for_boundary(std::unique_lock<std::mutex>& lock) {
  const auto is_over = [&] { return state_ != State::ready || cancelled_; };
  while (!changed_.wait_for(lock, kPatience, is_over) && !others_wait_) continue;
  if (state_ != State::ready) return;
  ready_ = nullptr;
  set_state(State::working);  // finish() is not for us any more
  lock.unlock();
  current_->end();
  lock.lock();
  conclude();
}

void SnapshotWriter::conclude() {
  heap_ = nullptr;
  set_state(State::idle);
  changed_.notify_all();
}

void SnapshotWriter::write_image() noexcept {
  Status status = out_of_memory();
  bool delta = false;
  if (!finds_memory([&] { status = write_image(delta); }) && order_.on_written != nullptr)
    order_.on_written(order_.context, order_, 0, status);
  parent_ = {.valid = status.ok() && current_ == engine_.get(), .reactor = order_.note.reactor, .position = order_.note.position,
             .deltas = delta ? parent_.deltas + 1 : 0};
}

Status SnapshotWriter::write_image(bool& delta) {
  std::vector<format::CoreRange> ranges;
  delta = write_as_delta(ranges);
  if (!delta) copied_ranges(image_, ranges);
  captured_->list_variables(ranges);
  if (compression_ != 0) order_.path += ".zst";
  return write_and_tell(order_, std::move(ranges), compression_);
}

// Fills `ranges` with what has changed, unless a full snapshot is better or necessary.
bool SnapshotWriter::write_as_delta(std::vector<format::CoreRange>& ranges) {
  const std::vector<PageRange>* const changes = current_->changes();
  if (changes == nullptr || !parent_.valid || parent_.reactor != order_.note.reactor || parent_.deltas >= kMostDeltas) return false;
  if (!delta_ranges(image_, *changes, ranges)) return false;
  order_.note.kind = format::kDelta;
  order_.note.parent = parent_.position;
  return true;
}

Status SnapshotWriter::write_and_tell(const SnapshotOrder& order, std::vector<format::CoreRange> ranges, int compression) {
  std::uint64_t file_bytes = 0;
  const Status status = write_file(order, std::move(ranges), compression, file_bytes);
  if (order.on_written != nullptr) order.on_written(order.context, order, file_bytes, status);
  return status;
}

Status SnapshotWriter::write_file(const SnapshotOrder& order, std::vector<format::CoreRange> ranges, int compression, std::uint64_t& file_bytes) {
  std::shared_ptr<const Modules> modules;
  {
    const std::lock_guard lock(mutex_);
    modules = modules_;
  }
  for (std::size_t i = 0; i < modules->list.size(); ++i)
    ranges.push_back({modules->list[i].base, os::kPageBytes, PF_R, modules->first_pages.data() + i * os::kPageBytes});
  std::ranges::sort(ranges, {}, &format::CoreRange::address);  // as ELF wants its loads

  const format::CoreNotes notes{.snapshot = order.note, .thread_state = order.thread_state, .locale = order.locale,
                                .auxiliary_vector = auxiliary_vector_, .modules = modules->list};
  const std::string temporary = order.path + ".tmp";
  const FileDescriptor file(open(temporary.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  int error = file.valid() ? 0 : errno;
  if (error == 0 && os::is_in_memory(file.get()) && !memory_limit_.has_room_for(bytes_of(ranges))) error = ENOMEM;
  if (error == 0) error = write_core(file.get(), compression, notes, ranges);
  if (error == 0 && order.sync && fsync(file.get()) != 0) error = errno;
  struct stat info {};
  if (error == 0 && fstat(file.get(), &info) != 0) error = errno;
  file_bytes = static_cast<std::uint64_t>(info.st_size);
  if (error == 0 && rename(temporary.c_str(), order.path.c_str()) != 0) error = errno;
  if (error == 0 && order.sync) os::sync_directory(os::directory_of(order.path));  // before older ones go
  if (error == 0) return {};
  unlink(temporary.c_str());
  return Status(error, "snapshot " + order.path + " cannot be written: " + std::strerror(error) + ".");
}

}  // namespace afterimage
