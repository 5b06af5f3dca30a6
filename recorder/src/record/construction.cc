// A reactor's construction in the recording (Options::genesis): the log r<id>/genesis/, whose only event, number 0, is the
// construction. Its inputs are what the constructor asked of the world and what it sent.
#include <cstring>
#include <filesystem>

#include "base/out_of_memory.h"
#include "base/outbound_hash.h"
#include "base/type_name.h"
#include "format/sent.h"
#include "record/reactor_core.h"
#include "record/recorder_core.h"

namespace afterimage::detail {
namespace {

constexpr std::size_t kSegmentBytes = 64 * 1024;

std::span<const std::byte> bytes_of(const void* data, std::size_t bytes) {
  return {static_cast<const std::byte*>(data), bytes};
}

}  // namespace

bool ReactorCore::logs_genesis() const noexcept { return recorder_->options().genesis && heap_ != nullptr && recorder_->is_open(); }

void ReactorCore::begin_construction(const std::type_info& signature, const EventTypeInfo* type,
                                     std::span<const std::byte> arguments) noexcept {
  Status status = out_of_memory();
  (void)finds_memory([&] {
    construction_note_.signature = type_name(signature);
    status = type != nullptr ? begin_construction_log(*type, arguments)
                             : Status(0, "an argument of " + construction_note_.signature + " cannot be logged.");
  });
  if (status.ok()) return;
  construction_.reset();
  note_missing(status);
}

Status ReactorCore::begin_construction_log(const EventTypeInfo& type, std::span<const std::byte> arguments) {
  const std::string directory = directory_ + "/genesis";
  if (Status status = recorder_->make_directory(directory_); !status) return status;
  if (Status status = recorder_->make_directory(directory); !status) return status;
  construction_ = std::make_unique<EventLog>(recorder_->segments(), construction_retention_,
                                             LogPlace{directory, kSegmentBytes, recorder_->uuid(), place_.id});
  if (Status status = construction_->open(); !status) return status;
  const format::Message message{construction_->channel_of(type, 0), 0, next_time(clock_.now_ns())};
  if (message.channel == 0 || !construction_->append(message, arguments, {}, 0)) return construction_->failure();
  next_event_ = 1;  // what is logged from now on is a part of event 0
  return {};
}

void ReactorCore::note_missing(const Status& why) noexcept {
  if (!finds_memory([&] { construction_note_.missing = why.message(); })) construction_note_.missing = out_of_memory().message();
}

void ReactorCore::end_construction() noexcept {
  if (construction_ == nullptr) return;
  const format::Done done{.duration_ns = 0,
                          .flags = 0,
                          .allocation_fingerprint = heap_->fingerprint(),
                          .outbound_hash = outbound_.hash,
                          .event = 0};
  const format::Message message{format::kDoneChannel, 0, next_time(last_time_ns_)};
  if (!construction_->append(message, bytes_of(&done, sizeof done), {}, 1)) note_missing(construction_->failure());
  construction_.reset();
  next_event_ = 0;
  outbound_ = {};
}

// The constructor threw: there is no such reactor.
void ReactorCore::give_up_construction() noexcept {
  construction_.reset();
  std::error_code error;
  (void)finds_memory([&] {
    recorder_->segments().finish(directory_);
    std::filesystem::remove_all(directory_, error);
  });
}

Envelope ReactorCore::sends(std::uint64_t event, std::uint32_t reactor, const EventTypeInfo& type, const void* payload, std::size_t bytes) noexcept {
  const auto message = static_cast<std::uint32_t>(outbound_.count);
  outbound_ = {outbound_hash(outbound_.hash, reactor, type, payload, bytes), outbound_.count + 1};
  if (logs_genesis() || recorder_->options().record_sent_events) {
    const OutsideScope outside;
    if (!finds_memory([&] { log_input(format::InputKind::sent, format::sent_record(reactor, type, payload, bytes)); }))
      step_aside(out_of_memory(), next_event_);
  }
  return {.recorder = recorder_.get(), .event = event, .reactor = place_.id, .message = message, .time_ns = last_time_ns_};
}

}  // namespace afterimage::detail
