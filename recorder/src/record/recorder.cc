#include "afterimage/recorder.h"

#include <cerrno>

#include "base/replay_mode.h"
#include "record/recorder_core.h"

namespace afterimage {
namespace {

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

Recorder Recorder::open_of_version(std::uint32_t version, std::size_t bytes, const void* options) {
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

Recorder Recorder::open_without_version(const void* options) { return open_of_version(0, 0, options); }

Status Recorder::status() const { return core_->status(); }

const std::string& Recorder::path() const noexcept { return core_->path(); }

}  // namespace afterimage
