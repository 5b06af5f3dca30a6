// The log of one reactor, read message by message from any position.
#pragma once
#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "afterimage/status.h"
#include "format/mcap.h"
#include "replay/last_words.h"
#include "replay/log_message.h"

namespace afterimage::replay {

class EventSource {
 public:
  EventSource() = default;
  ~EventSource();
  EventSource(EventSource&&) = default;
  EventSource& operator=(EventSource&&) = default;

  // Maps all segments of the directory. All events before `finished` have ended: the log is read from there on.
  Status open(const std::string& directory, std::uint64_t finished = 0);

  std::uint64_t first() const noexcept { return segments_.empty() ? 0 : segments_.front().first_event; }
  std::uint64_t end() const noexcept { return end_; }  // one past the last event

  // All kinds of events that it has, by number.
  const std::map<std::uint16_t, EventChannel>& channels() const noexcept { return channels_; }

  // The next message is then the first that belongs to `position`: an input before, or the event itself.
  void seek(std::uint64_t position);
  // Nothing at the end of the log.
  std::optional<LogMessage> next();
  // What next() would return; null at the end. Valid until it is called.
  const LogMessage* peek();
  // The inputs that come next, up to something else.
  std::vector<LogMessage> peek_inputs() { return peek_inputs(nullptr); }
  bool input_comes_next() { return peek() != nullptr && peek()->kind == LogMessage::Kind::input; }
  // Whether the log has the beginning of an event, but not its end: the process ended inside, perhaps in an event nested in it.
  bool is_unfinished(std::uint64_t event) const noexcept { return std::ranges::find(unfinished_, event) != unfinished_.end(); }
  // Whether the log ends inside of the event that next() has returned, at most after some inputs of it.
  bool ends_in_this_event();
  // From now on the log ends before what the process said of its own end (last_words.h).
  void leave_out_last_words() noexcept { left_out_from_ = last_words_.first(); }

 private:
  struct Segment {
    std::string path;
    std::span<const std::byte> file;
    std::uint64_t first_event = 0;
  };
  struct Mark {  // a place to begin a seek at
    std::size_t segment, offset;
  };
  // How far it has read.
  struct Place {
    std::size_t segment = 0;
    format::Reader reader{{}};
    std::uint64_t next_event = 0;
    LogMessage ahead{};  // read by peek()
    bool has_ahead = false;
    bool ended = false;
  };

  Status map_segment(const std::string& path);
  bool read_preamble(Segment& segment);
  void read_end(std::uint64_t finished);
  void read_to_end(std::size_t segment);
  std::size_t segment_of(std::uint64_t position) const;
  void read_channel(std::span<const std::byte> content);
  bool seek_from(std::size_t segment, std::uint64_t position);  // false where that segment is not followed by the position's
  void enter_segment(std::size_t index, std::size_t offset = format::kMagicBytes);
  std::vector<LogMessage> peek_inputs(bool* log_ends);
  // False at the end of the log. On the way of every event of a replay: messages are decoded in place.
  bool read_message(LogMessage& message);
  bool read_next(LogMessage& message);
  bool decode(std::span<const std::byte> content, LogMessage& message);
  bool decode_done(LogMessage& message);
  bool decode_event(std::uint16_t channel, std::uint32_t sequence, LogMessage& message);
  bool decode_gap(LogMessage& message);
  const EventChannel* find_channel(std::uint16_t number);
  void remember_mark();

  std::vector<Segment> segments_;
  std::map<std::uint16_t, EventChannel> channels_;  // the same number means the same type in all segments
  std::map<std::uint64_t, Mark> marks_;             // by event, every few thousand
  std::uint64_t end_ = 0;
  std::vector<std::uint64_t> unfinished_;
  LastWords last_words_;
  const std::byte* left_out_from_ = nullptr;
  Place place_;
  std::uint16_t last_number_ = 0;  // of the last event's channel: mostly also the next one's
  const EventChannel* last_channel_ = nullptr;
};

}  // namespace afterimage::replay
