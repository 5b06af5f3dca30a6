#include "afterimage/recorder.h"

#include "base/replay_mode.h"
#include "record/recorder_core.h"

namespace afterimage {

Recorder::Recorder(std::shared_ptr<detail::RecorderCore> core) noexcept : core_(std::move(core)) {}
Recorder::Recorder(Recorder&&) noexcept = default;
Recorder& Recorder::operator=(Recorder&&) noexcept = default;
Recorder::~Recorder() = default;

Recorder Recorder::open(Options options) noexcept {
  const OutsideScope outside;
  auto core = std::make_shared<detail::RecorderCore>(std::move(options));
  // A static constructor of the program may come here in a replayer, too: it records nothing.
  if (replay_hooks == nullptr) core->open();
  return Recorder(std::move(core));
}

Status Recorder::status() const { return core_->status(); }

const std::string& Recorder::path() const noexcept { return core_->path(); }

}  // namespace afterimage
