// An engine whose worker finds no memory gives up this snapshot, and no other: what it has armed and not copied is not missing.
#include <cstdio>
#include <cstdlib>
#include <new>

#include "snapshot_storm.h"

namespace {

// Allocations that still succeed on this thread.
thread_local long* t_until_failure = nullptr;

bool must_fail() noexcept { return t_until_failure != nullptr && (*t_until_failure)-- == 0; }

}  // namespace

// The program's own come first: these are the ones that the library calls.
// Not inlined: g++ would see new and free(), and warn.
[[gnu::noinline]] void* operator new(std::size_t bytes) {
  void* const block = must_fail() ? nullptr : std::malloc(bytes);
  return block != nullptr ? block : throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* block) noexcept { std::free(block); }
[[gnu::noinline]] void operator delete(void* block, std::size_t) noexcept { std::free(block); }

using namespace afterimage;

namespace {

// Another engine, whose worker finds no memory once.
class ShortOfMemory : public SnapshotEngine {
 public:
  ShortOfMemory(std::unique_ptr<SnapshotEngine> engine, long until_failure) : engine_(std::move(engine)), until_failure_(until_failure) {}
  const char* name() const noexcept override { return engine_->name(); }
  bool finishes_at_boundary() const noexcept override { return engine_->finishes_at_boundary(); }
  int begin(const Heap& heap, Image& image) noexcept override { return engine_->begin(heap, image); }
  Progress work(const std::atomic<bool>& cancelled) noexcept override {
    if (has_failed()) ++works_since_;
    t_until_failure = &until_failure_;
    const Progress progress = engine_->work(cancelled);
    t_until_failure = nullptr;
    return progress;
  }
  bool finish() noexcept override { return engine_->finish(); }
  bool has_variables() const noexcept override { return engine_->has_variables(); }
  const std::vector<PageRange>* changes() override { return engine_->changes(); }
  void end() noexcept override { engine_->end(); }

  bool has_failed() const { return until_failure_ < 0; }
  int works_since() const { return works_since_; }

 private:
  const std::unique_ptr<SnapshotEngine> engine_;
  long until_failure_;
  int works_since_ = 0;
};

// True if an allocation failed.
bool goes_on_after_failure(bool incremental, long until_failure) {
  auto engine = std::make_unique<ShortOfMemory>(engine_named("precopy", true, incremental), until_failure);
  const ShortOfMemory& short_of_memory = *engine;
  TestHeap heap(SlotSize::large);
  Storm storm(*heap);
  Photographer photographer(std::move(engine));
  for (int i = 0; i < 3; ++i) photographer.snapshot(*heap, storm, [] {});
  photographer.writer().let_go(*heap);
  CHECK(!short_of_memory.has_failed() || short_of_memory.works_since() > 0);
  return short_of_memory.has_failed();
}

void every_allocation_of_the_worker_fails(bool incremental) {
  long failures = 0;
  while (goes_on_after_failure(incremental, failures)) ++failures;
  std::printf("%s: survived failures of any of %ld allocations\n", incremental ? "incremental" : "whole", failures);
  CHECK(failures > 3);
}

}  // namespace

int main() {
  if (engine_named("precopy") == nullptr) return kSkipped;
  for (const bool incremental : {false, true}) every_allocation_of_the_worker_fails(incremental);
}
