// The event log of one reactor: appends messages to segments. One thread at a time.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "afterimage/recorder.h"
#include "base/prefetch.h"
#include "format/mcap.h"
#include "record/retention.h"
#include "record/segments.h"

namespace afterimage {

struct LogPlace {
  std::string directory;
  std::size_t segment_bytes;
  std::string uuid;  // 32 hex digits; as the reactor, repeated in every segment
  std::uint32_t reactor;
};

class EventLog {
 public:
  EventLog(SegmentKeeper& keeper, Retention& retention, LogPlace place);
  ~EventLog();  // seals the last segment

  // Begins the first segment.
  Status open();

  // The channel of an event type, announced in the log at its first use. 0 if that failed; see failure().
  std::uint16_t channel_of(const detail::EventTypeInfo& type, std::uint64_t next_event) {
    if (&type == last_type_) [[likely]] return last_channel_;
    return find_or_add_channel(type, next_event);
  }

  // Commits one message. `next_event`: what a segment begun now would name as its first event.
  bool append(const format::Message& message, std::span<const std::byte> head, std::span<const std::byte> tail,
              std::uint64_t next_event) {
    const std::size_t bytes = format::kMessageOverhead + head.size() + tail.size();
    if (writer_.room() < bytes + format::kSealBytes) [[unlikely]] {
      if (!rotate(bytes, next_event, true)) return false;
    }
    writer_.message(message, head, tail);
    fetch_ahead();
    return true;
  }

  // The same for a message that has_room() has found room for, and for the end of an event.
  void append_in_room(const format::Message& message, std::span<const std::byte> data) noexcept {
    fetch_ahead();
    writer_.message(message, data);
  }
  bool append_done(const format::Message& message, const format::Done& done, std::uint64_t next_event) {
    constexpr std::size_t kBytes = format::kMessageOverhead + sizeof done;
    if (writer_.room() < kBytes + format::kSealBytes) [[unlikely]] {
      if (!rotate(kBytes, next_event, true)) return false;
    }
    writer_.done(message, done);
    return true;
  }

  // Before an event: whether it has room, and its end, too, when it asks for nothing in between.
  bool has_room(std::size_t payload_bytes) const noexcept {
    return writer_.room() >= event_bytes(payload_bytes) + format::kSealBytes;
  }
  // Without `wait` it fails when no segment is ready.
  bool make_room(std::size_t payload_bytes, std::uint64_t next_event, bool wait) {
    return rotate(event_bytes(payload_bytes), next_event, wait);
  }

  // After a failure: whether there is a segment to go on with.
  bool can_resume() { return keeper_.is_ready(source_); }
  // Goes on in a new segment, which begins with the gap.
  bool resume(const format::Gap& gap, const std::string& reason, std::uint64_t time_ns, bool wait);

  std::uint64_t bytes() const noexcept { return bytes_before_ + writer_.used(); }  // of all segments
  const Status& failure() const noexcept { return failure_; }

 private:
  // The memory ahead is where the other thread cleared it, and a store would hold up all behind it: fetched while react() runs.
  void fetch_ahead() noexcept {
    constexpr std::size_t kAhead = 512;
    const std::byte* const place = writer_.data() + writer_.used() + kAhead;
    prefetch_to_write(place);
    prefetch_to_write(place + 64);
  }

  struct EventChannel {
    const detail::EventTypeInfo* info;
    std::uint16_t id;
    std::string type, thunk, bytes, align;
  };

  static constexpr std::size_t event_bytes(std::size_t payload_bytes) noexcept {
    return 2 * format::kMessageOverhead + payload_bytes + sizeof(format::Done);
  }
  // Needs memory, as what follows; false if there is none, or no file.
  bool rotate(std::size_t bytes, std::uint64_t next_event, bool wait) noexcept;
  void begin_segment(std::size_t bytes, std::uint64_t next_event, bool wait);
  void give_back() noexcept;
  void write_preamble(std::uint64_t next_event);
  std::size_t preamble_bytes() const;
  static std::size_t announcement_bytes(const EventChannel& channel);
  void announce(const EventChannel& channel);
  std::uint16_t find_or_add_channel(const detail::EventTypeInfo& type, std::uint64_t next_event) noexcept;
  std::uint16_t add_channel(const detail::EventTypeInfo& type, std::uint64_t next_event);

  // Of every event.
  format::Writer writer_;  // into segment_
  const detail::EventTypeInfo* last_type_ = nullptr;
  std::uint64_t bytes_before_ = 0;  // in full segments
  std::uint16_t last_channel_ = 0;

  const std::uint32_t reactor_;
  SegmentKeeper& keeper_;
  Retention& retention_;
  SegmentSource source_;
  const std::string uuid_;
  std::unique_ptr<Segment> segment_;
  std::vector<EventChannel> channels_;
  Status failure_;
};

}  // namespace afterimage
