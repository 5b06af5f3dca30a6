#include "record/event_log.h"

#include "afterimage/heap.h"
#include "base/hex.h"
#include "base/out_of_memory.h"
#include "base/type_name.h"

namespace afterimage {
namespace {

const char* codec_name(detail::PayloadCodec codec) {
  switch (codec) {
    case detail::PayloadCodec::trivial: return "trivial";
    case detail::PayloadCodec::custom: return "custom";
    case detail::PayloadCodec::bytes: return "bytes";
    case detail::PayloadCodec::made: return "made";
  }
  return "";
}

const char* message_encoding(detail::PayloadCodec codec) {
  switch (codec) {
    case detail::PayloadCodec::trivial: return "x-afterimage-cpp";
    case detail::PayloadCodec::custom: return "x-afterimage-custom";
    case detail::PayloadCodec::bytes: return "application/octet-stream";
    case detail::PayloadCodec::made: return "x-afterimage-made";
  }
  return "";
}

constexpr std::size_t kFixedPreambleBytes = 1024;  // magic, header, metadata, the three fixed channels

}  // namespace

EventLog::EventLog(SegmentKeeper& keeper, Retention& retention, LogPlace place)
    : reactor_(place.reactor), keeper_(keeper), retention_(retention), source_(std::move(place.directory), place.segment_bytes, place.reactor),
      uuid_(std::move(place.uuid)) {}

EventLog::~EventLog() {
  if (segment_ != nullptr) give_back();
  keeper_.forget(source_);
}

Status EventLog::open() {
  rotate(0, 0, true);
  return failure_;
}

bool EventLog::rotate(std::size_t bytes, std::uint64_t next_event, bool wait) noexcept {
  const OutsideScope outside;
  failure_ = {};
  if (!finds_memory([&] { begin_segment(bytes, next_event, wait); })) failure_ = out_of_memory();
  return failure_.ok();
}

void EventLog::begin_segment(std::size_t bytes, std::uint64_t next_event, bool wait) {
  const std::size_t needed = preamble_bytes() + bytes + format::kSealBytes;
  std::unique_ptr<Segment> next = keeper_.take(source_, needed, wait, failure_);
  if (next == nullptr) return;
  if (segment_ != nullptr) give_back();
  segment_ = std::move(next);
  writer_ = segment_->writer;
  write_preamble(next_event);
  retention_.segment_begun(segment_->path, next_event, segment_->memory.size());
}

void EventLog::give_back() noexcept {
  bytes_before_ += writer_.used();
  segment_->writer = writer_;
  keeper_.give_back(std::move(segment_));
}

bool EventLog::resume(const format::Gap& gap, const std::string& reason, std::uint64_t time_ns, bool wait) {
  const OutsideScope outside;
  const std::span<const std::byte> head = std::as_bytes(std::span(&gap, 1)).first(format::kGapHeadBytes);
  const std::span<const std::byte> text = std::as_bytes(std::span(reason));
  return rotate(format::kMessageOverhead + head.size() + text.size(), gap.first, wait) &&
         append({format::kGapChannel, static_cast<std::uint32_t>(gap.first), time_ns}, head, text, gap.first);
}

void EventLog::write_preamble(std::uint64_t next_event) {
  const std::string reactor = std::to_string(reactor_), number = std::to_string(segment_->number),
                    first = std::to_string(next_event);
  const format::Property properties[] = {
      {"uuid", uuid_}, {"reactor", reactor}, {"segment", number}, {"firstEvent", first}};
  writer_.magic();
  writer_.header("afterimage", "afterimage 0.1.0");
  writer_.metadata("afterimage.segment", properties);
  writer_.channel(format::kDoneChannel, "done", "x-afterimage-done", {});
  writer_.channel(format::kInputChannel, "input", "x-afterimage-input", {});
  writer_.channel(format::kGapChannel, "gap", "x-afterimage-gap", {});
  for (const EventChannel& channel : channels_) announce(channel);
}

std::size_t EventLog::preamble_bytes() const {
  std::size_t bytes = kFixedPreambleBytes;
  for (const EventChannel& channel : channels_) bytes += announcement_bytes(channel);
  return bytes;
}

std::size_t EventLog::announcement_bytes(const EventChannel& channel) {
  // The topic repeats the type's name; the rest is short and bounded.
  return 512 + 3 * channel.type.size();
}

void EventLog::announce(const EventChannel& channel) {
  const format::Property properties[] = {{"type", channel.type},
                                         {"thunk", channel.thunk},
                                         {"codec", codec_name(channel.info->codec)},
                                         {"bytes", channel.bytes},
                                         {"align", channel.align}};
  writer_.schema(channel.id, channel.type);
  writer_.channel(channel.id, "event/" + channel.type, message_encoding(channel.info->codec), properties);
}

std::uint16_t EventLog::find_or_add_channel(const detail::EventTypeInfo& type, std::uint64_t next_event) noexcept {
  const OutsideScope outside;
  std::uint16_t id = 0;
  for (const EventChannel& channel : channels_)
    if (channel.info == &type) id = channel.id;
  if (id == 0 && !finds_memory([&] { id = add_channel(type, next_event); })) failure_ = out_of_memory();
  if (id == 0) return 0;
  last_type_ = &type;
  last_channel_ = id;
  return id;
}

std::uint16_t EventLog::add_channel(const detail::EventTypeInfo& type, std::uint64_t next_event) {
  EventChannel channel{.info = &type,
                       .id = static_cast<std::uint16_t>(format::kFirstEventChannel + channels_.size()),
                       .type = type_name(*type.type),
                       .thunk = hex(reinterpret_cast<std::uintptr_t>(type.thunk)),
                       .bytes = std::to_string(type.bytes),
                       .align = std::to_string(type.align)};
  const std::size_t bytes = announcement_bytes(channel);
  if (writer_.room() < bytes + format::kSealBytes && !rotate(bytes, next_event, true)) return 0;
  channels_.reserve(channels_.size() + 1);  // before it is announced
  announce(channel);
  return channels_.emplace_back(std::move(channel)).id;
}

}  // namespace afterimage
