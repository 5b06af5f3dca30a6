#include "record/recorder_core.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "base/check_hooks.h"
#include "base/hex.h"
#include "base/out_of_memory.h"
#include "base/raw_log.h"
#include "base/replay_mode.h"
#include "base/type_name.h"
#include "heap/other_allocator.h"
#include "heap/retired_heaps.h"
#include "os/clock.h"
#include "os/disk.h"
#include "record/crash_handler.h"
#include "record/fail_allocations.h"
#include "record/reactor_core.h"

namespace afterimage::detail {
namespace {

// All recorders, for fork(): nobody else holds the mutexes then, and so they are not left behind locked.
std::mutex g_recorders_mutex;
std::vector<RecorderCore*> g_recorders;

void before_fork() {
  g_recorders_mutex.lock();
  for (RecorderCore* const recorder : g_recorders) recorder->hold();
  retired_heaps_mutex().lock();
}
void in_parent_after_fork() {
  retired_heaps_mutex().unlock();
  for (RecorderCore* const recorder : g_recorders) recorder->release();
  g_recorders_mutex.unlock();
}
void in_child_after_fork() {
  for (RecorderCore* const recorder : g_recorders) recorder->abandon_after_fork();
  in_parent_after_fork();
}

std::string local_time(std::uint64_t time_ns) {
  const time_t seconds = static_cast<time_t>(time_ns / 1'000'000'000u);
  tm parts{};
  localtime_r(&seconds, &parts);
  char text[32];
  strftime(text, sizeof text, "%Y%m%d-%H%M%S", &parts);
  return text;
}

std::string program_name() {
  std::error_code error;
  const std::string name = std::filesystem::read_symlink("/proc/self/exe", error).filename().string();
  return name.empty() ? "program" : name;
}

std::string environment_or(const char* name, const std::string& otherwise) {
  const char* const value = std::getenv(name);
  return value != nullptr ? value : otherwise;
}

Options with_environment(Options options) {
  options.fail_allocations = fail_allocations_or(options.fail_allocations);
  options.variables_of = environment_or("AFTERIMAGE_VARIABLES_OF", options.variables_of);
  return options;
}

// In check mode nothing is kept of the events, and nothing else may protect pages.
Options with_check(Options options) {
  if (check_hooks == nullptr) return options;
  options.directory = check_hooks->directory;
  options.snapshot_engine = "stop";
  options.genesis = false;
  check_hooks->recorder_opens(options.variables_of.c_str());
  return options;
}

// Those on the way to it may be as new as itself.
void sync_names_on_the_way_to(std::filesystem::path directory) {
  for (; directory.has_relative_path(); directory = directory.parent_path()) os::sync_directory(directory.parent_path());
}

}  // namespace

RecorderCore::RecorderCore(Options options)
    : options_(with_check(with_environment(std::move(options)))), variable_rules_(options_.variables_of) {
  if (replay_hooks != nullptr) return;
  static const int registered = pthread_atfork(before_fork, in_parent_after_fork, in_child_after_fork);
  (void)registered;
  const std::lock_guard lock(g_recorders_mutex);
  g_recorders.push_back(this);
}

RecorderCore::~RecorderCore() {
  {
    const std::lock_guard lock(g_recorders_mutex);
    std::erase(g_recorders, this);
  }
  if (!open_) return;
  segments_.reset();  // completes every segment
  snapshots_.reset();
  note_no_crashes(*this);
  control_.close(os::realtime_ns(), syncs());
}

void RecorderCore::open() noexcept {
  Status status = out_of_memory();
  (void)finds_memory([&] { status = begin(); });
  if (status.ok()) return;
  segments_.reset();
  snapshots_.reset();
  const bool is_as_wanted = options_.directory.empty() && may_have_heaps_;
  if (is_as_wanted) status_ = std::move(status);  // not to be told on stderr
  else report(status);
}

Status RecorderCore::begin() {
  if (const std::string other = other_allocator(); !other.empty()) {
    may_have_heaps_ = false;
    return Status(ENOTSUP, "malloc() is that of " + other + ", so reactors would not be in heaps of their own.");
  }
  if (options_.directory.empty()) return Status(0, "nothing is recorded: Options::directory is empty.");
  EngineChoice engine = choose_engine(options_.snapshot_engine, options_.reactors_do_io, options_.snapshot_deltas);
  if (!engine.note.empty()) RawLine().text(engine.note.c_str()).print();
  process_.snapshot_engine = engine.engine->name();
  if (Status status = start_threads(std::move(engine.engine)); !status) return status;
  if (Status status = create_bundle(); !status) return status;
  refresh_modules();
  // From here on nothing fails.
  open_ = true;
  log_inputs();
  if (options_.state_digests) react_on_clear_stack = true;
  if (options_.crash_handler) note_crashes(*this, *control_.get());
  return {};
}

Status RecorderCore::start_threads(std::unique_ptr<SnapshotEngine> engine) {
  try {
    segments_ = std::make_unique<SegmentKeeper>(std::chrono::milliseconds(options_.sync_interval_ms));
    snapshots_ = std::make_unique<SnapshotWriter>(std::move(engine), options_.snapshot_compression);
    return {};
  } catch (const std::system_error& error) {
    return Status(error.code().value(), std::string("the recorder's threads cannot be started: ") + std::strerror(error.code().value()) + ".");
  }
}

HeapSettings RecorderCore::heap_settings() const noexcept {
  return {.limit_bytes = options_.heap_limit_bytes,
          .kinda_safe = options_.memory == Memory::kinda_safe,
          .stop_at_misuse = options_.stop_at_misuse,
          .fail_allocations = options_.fail_allocations};
}

Bounds RecorderCore::bounds() const noexcept {
  if (options_.genesis) return {};
  return {.bytes = options_.keep_bytes, .ns = options_.keep_ms * 1'000'000u};
}

Status RecorderCore::create_bundle() {
  std::uint8_t uuid[16];
  if (getrandom(uuid, sizeof uuid, 0) != sizeof uuid) return Status(errno, "no random bytes for the recording's id.");
  process_.uuid = hex_bytes(std::as_bytes(std::span(uuid)));
  process_.start_time_ns = os::realtime_ns();

  std::error_code error;
  std::filesystem::create_directories(options_.directory, error);
  if (error) return Status(error.value(), "directory " + options_.directory + " cannot be created: " + error.message() + ".");
  const std::string directory = std::filesystem::absolute(options_.directory, error).lexically_normal().string();
  std::string path = directory + "/" + program_name() + "-" + local_time(process_.start_time_ns) + "-" +
                     std::to_string(getpid());
  // Several recordings of one process within a second.
  for (int again = 2; access((path + ".afterimage").c_str(), F_OK) == 0; ++again)
    path = path.substr(0, path.rfind('~')) + "~" + std::to_string(again);
  path += ".afterimage";
  if (Status status = make_directory(path); !status) return status;

  process_.modules = os::loaded_modules();
  Status status = control_.create(path + "/control", uuid);
  if (status.ok()) status = write_file(path + "/manifest.json", manifest_json(process_), syncs());
  if (!status.ok()) {  // rather nothing than a recording that cannot be opened
    std::filesystem::remove_all(path, error);
    return status;
  }
  path_ = path;
  segments_->sync_first(control_.memory());
  if (syncs()) sync_names_on_the_way_to(directory);
  core_notebook_.open(uuid, path, process_.modules.empty() ? std::string() : process_.modules.front().build_id);
  return {};
}

Status RecorderCore::make_directory(const std::string& path) const {
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
    return Status(errno, "directory " + path + " cannot be created: " + std::strerror(errno) + ".");
  if (syncs()) os::sync_directory(os::directory_of(path));
  return {};
}

Heap* RecorderCore::create_heap(int& error) const noexcept {
  if (!may_have_heaps_) return nullptr;
  Heap* heap = Heap::create(SlotSize::large, error);
  if (heap == nullptr) heap = Heap::create(SlotSize::small, error);
  if (heap != nullptr) heap->set_up(heap_settings());
  return heap;
}

ReactorCore* RecorderCore::create_reactor(std::string_view name, const std::type_info& type) {
  const OutsideScope outside;
  int error = 0;
  OwnedHeap heap(create_heap(error), Heap::destroy);
  ReactorCore* const reactor = adopt_reactor(name, type, std::move(heap));
  reactor->note_heap_error(error);
  return reactor;
}

ReactorCore* RecorderCore::adopt_reactor(std::string_view name, const std::type_info& type, OwnedHeap heap) {
  std::unique_ptr<ReactorCore> reactor = make_reactor(name, type, heap.get());
  (void)heap.release();  // the reactor's now
  const std::lock_guard lock(mutex_);
  reactors_.push_back(reactor.get());
  return reactor.release();
}

std::unique_ptr<ReactorCore> RecorderCore::make_reactor(std::string_view name, const std::type_info& type, Heap* heap) {
  const Place place = take_place();
  try {
    return std::make_unique<ReactorCore>(shared_from_this(), place, std::string(name), type_name(type), heap);
  } catch (const std::bad_alloc&) {
    reactor_never_was(place.id);
    throw;
  }
}

bool RecorderCore::must_make_room() const noexcept {
  if (!open_ || ended_.empty() || options_.genesis) return false;
  return ended_.size() > options_.keep_ended_reactors || reactor_count_ >= format::kReactorSlots;
}

// That of a reactor which never was, or a number of its own; where there must be room first, that of one which has ended: its recording goes.
Place RecorderCore::take_place() {
  std::unique_lock lock(mutex_);
  if (!unused_.empty()) {
    const std::uint32_t id = unused_.back();
    unused_.pop_back();
    return {id, os::realtime_ns()};
  }
  if (!must_make_room()) return {reactor_count_++};
  const std::uint32_t id = forget_ended();
  lock.unlock();  // other reactors would wait between two events
  remove_recording_of(id);
  return {id, os::realtime_ns()};
}

// The one that has ended first, without failures if there is one.
std::uint32_t RecorderCore::forget_ended() noexcept {
  const auto without_failures = std::ranges::find_if(ended_, [&](std::uint32_t id) { return control_.slot(id)->failures == 0; });
  const auto oldest = without_failures != ended_.end() ? without_failures : ended_.begin();
  const std::uint32_t id = *oldest;
  ended_.erase(oldest);
  return id;
}

void RecorderCore::remove_recording_of(std::uint32_t id) {
  const std::string directory = path_ + "/r" + std::to_string(id);
  segments_->finish(directory);
  std::error_code error;
  std::filesystem::remove_all(directory, error);
  *control_.slot(id) = {};
}

void RecorderCore::reactor_ended(std::uint32_t id) noexcept {
  const std::lock_guard lock(mutex_);
  (void)finds_memory([&] { ended_.push_back(id); });  // without memory it stays
}

// Those beyond the slots are as many as one likes.
void RecorderCore::reactor_never_was(std::uint32_t id) noexcept {
  const std::lock_guard lock(mutex_);
  if (id < format::kReactorSlots) (void)finds_memory([&] { unused_.push_back(id); });  // without memory it is lost
}

void RecorderCore::forget_reactor(ReactorCore& reactor) {
  const std::lock_guard lock(mutex_);
  std::erase(reactors_, &reactor);
}

void RecorderCore::report(const Status& status) noexcept {
  {
    const std::lock_guard lock(mutex_);
    if (!status_.ok()) return;
    if (!finds_memory([&] { status_ = status; })) status_ = out_of_memory();
  }
  if (open_) control_.note_failure(status);
  RawLine().text("not recording: ").text(status.message().c_str()).text(" The program goes on.").print();
}

// What has failed stays in the recording; the next failure is said again.
void RecorderCore::report_recovery() noexcept {
  {
    const std::lock_guard lock(mutex_);
    if (status_.ok()) return;
    status_ = {};
  }
  RawLine().text("recording again.").print();
}

Status RecorderCore::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

void RecorderCore::refresh_modules() {
  const std::lock_guard lock(mutex_);
  const std::uint64_t generation = os::modules_generation();
  if (generation == modules_generation_) return;
  process_.modules = os::loaded_modules();
  std::vector<format::CoreModule> modules;
  for (const os::Module& module : process_.modules) modules.push_back({module.base, module.bytes, module.path});
  variables_ = included_variables(process_.modules, variable_rules_);
  snapshots_->set_modules(std::move(modules), variables_.ranges);
  modules_generation_ = generation;
  // On failure the old list stays: a replay then names the library that it misses.
  (void)write_file(path_ + "/manifest.json", manifest_json(process_), syncs());
}

Variables RecorderCore::variables() const {
  const std::lock_guard lock(mutex_);
  return variables_;
}

void RecorderCore::abandon_after_fork() noexcept {
  open_ = false;
  for (ReactorCore* const reactor : reactors_) reactor->abandon_after_fork();
  core_notebook_.abandon_after_fork();
  if (snapshots_ != nullptr) snapshots_->abandon_after_fork();
  // Their threads wait for condition variables that cannot be destroyed any more.
  (void)segments_.release();
  (void)snapshots_.release();
  note_no_crashes(*this);
}

}  // namespace afterimage::detail
