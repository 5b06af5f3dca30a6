#include "afterimage/recorder.h"

#include <cerrno>

#include "base/replay_mode.h"
#include "record/recorder_core.h"

namespace afterimage {
namespace {

// Options has changed: raise kOptionsVersion, and say here what it is like now.
static_assert(kOptionsVersion == 1 && sizeof(Options) == 200);
[[maybe_unused]] constexpr auto kFieldsOfVersion1 = [](const Options& options) {
  [[maybe_unused]] const auto& [directory, segment_bytes, snapshot_log_bytes, snapshot_interval_ms, wait_for_log, sync_interval_ms, record_sent_events,
               snapshot_engine, reactors_do_io, snapshot_deltas, keep_bytes, keep_ms, heap_limit_bytes, crash_handler, io, genesis,
               variables_of, state_digests] = options;
};

Status compiled_otherwise(std::uint32_t version) {
  const char* const which = version < kOptionsVersion ? "an older" : version > kOptionsVersion ? "a newer" : "another";
  return Status(EINVAL, std::string("the program was compiled with ") + which +
                            " afterimage/recorder.h than this libafterimage.so; compile it again with the headers of this library.");
}

}  // namespace

Recorder::Recorder(std::shared_ptr<detail::RecorderCore> core) noexcept : core_(std::move(core)) {}
Recorder::Recorder(Recorder&&) noexcept = default;
Recorder& Recorder::operator=(Recorder&&) noexcept = default;
Recorder::~Recorder() = default;

Recorder Recorder::open_of_version(std::uint32_t version, std::size_t bytes, const void* options) noexcept {
  const OutsideScope outside;
  // A static constructor of the program may come here in a replayer, too: it records nothing.
  if (version == kOptionsVersion && bytes == sizeof(Options)) {
    auto core = std::make_shared<detail::RecorderCore>(*static_cast<const Options*>(options));
    if (replay_hooks == nullptr) core->open();
    return Recorder(std::move(core));
  }
  auto core = std::make_shared<detail::RecorderCore>(Options{});
  if (replay_hooks == nullptr) core->report(compiled_otherwise(version));
  return Recorder(std::move(core));
}

Recorder Recorder::open_without_version(const void* options) noexcept { return open_of_version(0, 0, options); }

Status Recorder::status() const { return core_->status(); }

const std::string& Recorder::path() const noexcept { return core_->path(); }

}  // namespace afterimage
