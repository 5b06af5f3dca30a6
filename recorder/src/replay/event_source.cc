#include "replay/event_source.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "base/bits.h"
#include "base/file_descriptor.h"

namespace afterimage::replay {
namespace {

constexpr std::uint64_t kEventsPerMark = 4096;
constexpr std::size_t kMessageHeadBytes = format::kMessageOverhead - format::kRecordPrefix;

// A newer minor version may have channels that we do not know.
bool is_known(std::uint16_t channel) { return channel <= format::kGapChannel || channel >= format::kFirstEventChannel; }

// 0, which there is not, when the message is too short.
std::uint16_t channel_of(std::span<const std::byte> message) {
  std::uint16_t channel = 0;
  if (message.size() >= sizeof channel) std::memcpy(&channel, message.data(), sizeof channel);
  return channel;
}

std::uint64_t number(std::string_view text, int base = 10) {
  return std::strtoull(std::string(text).c_str(), nullptr, base);
}

// What no compiler has written is damage.
std::size_t alignment(std::uint64_t value) {
  constexpr std::uint64_t kMost = std::uint64_t{1} << 28;
  return is_power_of_two(value) && value <= kMost ? value : 1;
}

}  // namespace

EventSource::~EventSource() {
  for (const Segment& segment : segments_) munmap(const_cast<std::byte*>(segment.file.data()), segment.file.size());
}

Status EventSource::open(const std::string& directory, std::uint64_t finished) {
  std::vector<std::string> paths;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("ev-") && name.ends_with(".mcap")) paths.push_back(entry.path().string());
  }
  if (error) return Status(error.value(), directory + " cannot be read: " + error.message() + ".");
  std::ranges::sort(paths);
  for (const std::string& path : paths)
    if (Status status = map_segment(path); !status) return status;
  if (segments_.empty()) return Status(0, directory + " holds no events.");
  // By event, not by number: an event larger than a segment gets one of its own, while the next one waits prepared already.
  std::ranges::stable_sort(segments_, {}, &Segment::first_event);

  read_end(finished);
  seek(first());
  return {};
}

// The events that the log ends in may fill segments with what they ask for, and with other events that they deliver.
void EventSource::read_end(std::uint64_t finished) {
  const std::size_t last = segments_.size() - 1;
  read_to_end(segment_of(finished));
  if (place_.segment != last) read_to_end(last);  // one between them is missing
  end_ = place_.next_event;
}

void EventSource::read_to_end(std::size_t segment) {
  unfinished_.clear();
  last_words_ = {};
  enter_segment(segment);
  while (const auto message = next()) {
    last_words_.add(*message);
    if (message->kind == LogMessage::Kind::event) unfinished_.push_back(message->event);
    if (message->kind == LogMessage::Kind::done) std::erase(unfinished_, message->event);
  }
}

std::size_t EventSource::segment_of(std::uint64_t position) const {
  const auto after = std::ranges::upper_bound(segments_, position, {}, &Segment::first_event);
  return after == segments_.begin() ? 0 : static_cast<std::size_t>(after - segments_.begin()) - 1;
}

Status EventSource::map_segment(const std::string& path) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info;
  if (!file.valid() || fstat(file.get(), &info) != 0)
    return Status(errno, "event segment " + path + " cannot be opened: " + std::strerror(errno) + ".");
  if (info.st_size == 0) return {};
  const auto bytes = static_cast<std::size_t>(info.st_size);
  void* const memory = mmap(nullptr, bytes, PROT_READ, MAP_SHARED, file.get(), 0);
  if (memory == MAP_FAILED) return Status(errno, "event segment " + path + " cannot be mapped: " + std::strerror(errno) + ".");
  Segment segment{.path = path, .file = {static_cast<const std::byte*>(memory), bytes}};
  // Prepared and never begun, or torn at its beginning: it holds no events.
  if (!read_preamble(segment)) munmap(memory, bytes);
  else segments_.push_back(std::move(segment));
  return {};
}

bool EventSource::read_preamble(Segment& segment) {
  format::Reader reader(segment.file);
  while (const auto record = reader.next()) {
    if (record->opcode != format::Opcode::metadata) continue;
    format::Fields fields(record->content);
    if (fields.string() != "afterimage.segment") continue;
    bool found = false;
    fields.map([&](std::string_view key, std::string_view value) {
      if (key != "firstEvent") return;
      segment.first_event = number(value);
      found = true;
    });
    return found;
  }
  return false;
}

void EventSource::read_channel(std::span<const std::byte> content) {
  format::Fields fields(content);
  const auto id = fields.number<std::uint16_t>();
  fields.number<std::uint16_t>();  // schema
  fields.string();                 // topic
  fields.string();                 // encoding
  if (id < format::kFirstEventChannel || channels_.contains(id)) return;
  EventChannel channel;
  fields.map([&](std::string_view key, std::string_view value) {
    if (key == "type") channel.type = value;
    if (key == "codec") channel.codec = value;
    if (key == "thunk") channel.thunk = number(value, 16);
    if (key == "bytes") channel.bytes = number(value);
    if (key == "align") channel.align = alignment(number(value));
  });
  if (!fields.failed()) channels_[id] = std::move(channel);
}

void EventSource::enter_segment(std::size_t index, std::size_t offset) {
  place_ = {.segment = index, .reader = format::Reader(segments_[index].file), .next_event = place_.next_event};
  place_.reader.seek(offset);
  if (offset == format::kMagicBytes) place_.next_event = segments_[index].first_event;
}

void EventSource::seek(std::uint64_t position) {
  const std::size_t last = segment_of(position);
  std::size_t from = last;  // inputs of a segment's first event may be at the end of the one before
  while (from > 0 && segments_[from].first_event == position) --from;
  if (!seek_from(from, position)) seek_from(last, position);  // one between them is missing
}

bool EventSource::seek_from(std::size_t segment, std::uint64_t position) {
  auto mark = marks_.upper_bound(position);
  if (mark != marks_.begin() && (--mark)->second.segment >= segment) {
    enter_segment(mark->second.segment, mark->second.offset);
    place_.next_event = mark->first;
  } else {
    enter_segment(segment);
  }
  while (const LogMessage* const message = peek()) {
    if (message->event >= position && message->kind != LogMessage::Kind::done) return true;
    next();
  }
  return false;
}

const LogMessage* EventSource::peek() {
  if (!place_.has_ahead) place_.has_ahead = read_message(place_.ahead);
  return place_.has_ahead ? &place_.ahead : nullptr;
}

bool EventSource::ends_in_this_event() {
  const LogMessage* const message = peek();
  if (message == nullptr) return true;
  if (message->kind != LogMessage::Kind::input || place_.next_event != end_) return false;
  bool ends = false;
  peek_inputs(&ends);
  return ends;
}

std::vector<LogMessage> EventSource::peek_inputs(bool* log_ends) {
  const Place here = place_;
  std::vector<LogMessage> inputs;
  auto message = next();
  for (; message && message->kind == LogMessage::Kind::input; message = next()) inputs.push_back(*message);
  if (log_ends != nullptr) *log_ends = !message;
  place_ = here;
  return inputs;
}

std::optional<LogMessage> EventSource::next() {
  if (std::exchange(place_.has_ahead, false)) return place_.ahead;
  std::optional<LogMessage> message(std::in_place);
  if (!read_message(*message)) message.reset();
  return message;
}

// The log ends at the first thing that is wrong with it: what lies behind must not be taken for its continuation.
bool EventSource::read_message(LogMessage& message) {
  place_.ended = place_.ended || !read_next(message) || (left_out_from_ != nullptr && message.data.data() == left_out_from_);
  return !place_.ended;
}

bool EventSource::read_next(LogMessage& message) {
  for (;;) {
    if (const auto record = place_.reader.next()) {
      if (record->opcode == format::Opcode::channel) read_channel(record->content);
      if (record->opcode == format::Opcode::message && is_known(channel_of(record->content))) return decode(record->content, message);
      continue;
    }
    if (place_.segment + 1 == segments_.size()) return false;
    if (segments_[place_.segment + 1].first_event != place_.next_event) return false;  // events are missing here
    enter_segment(place_.segment + 1);
  }
}

bool EventSource::decode(std::span<const std::byte> content, LogMessage& message) {
  if (content.size() < kMessageHeadBytes) return false;
  const std::uint16_t channel = channel_of(content);
  std::uint32_t sequence;
  std::memcpy(&sequence, content.data() + sizeof channel, sizeof sequence);
  message = {.kind = LogMessage::Kind::input, .event = place_.next_event, .channel = nullptr, .data = content.subspan(kMessageHeadBytes)};
  switch (channel) {
    case format::kInputChannel:
      // Before the next event, or from inside the one that has begun.
      if (sequence != static_cast<std::uint32_t>(place_.next_event)) --message.event;
      return true;
    case format::kGapChannel: return decode_gap(message);
    case format::kDoneChannel: return decode_done(message);
    default: return decode_event(channel, sequence, message);
  }
}

bool EventSource::decode_done(LogMessage& message) {
  if (message.data.size() < sizeof(format::Done)) return false;
  message.kind = LogMessage::Kind::done;
  std::memcpy(&message.event, message.data.data() + offsetof(format::Done, event), sizeof message.event);
  return true;
}

bool EventSource::decode_event(std::uint16_t channel, std::uint32_t sequence, LogMessage& message) {
  message.kind = LogMessage::Kind::event;
  message.channel = find_channel(channel);
  if (message.channel == nullptr || sequence != static_cast<std::uint32_t>(place_.next_event)) return false;
  ++place_.next_event;
  remember_mark();
  return true;
}

const EventChannel* EventSource::find_channel(std::uint16_t number) {
  if (number == last_number_) return last_channel_;
  const auto found = channels_.find(number);
  if (found == channels_.end()) return nullptr;
  last_number_ = number;
  return last_channel_ = &found->second;
}

bool EventSource::decode_gap(LogMessage& message) {
  format::Gap gap{};
  if (message.data.size() < format::kGapHeadBytes) return false;
  std::memcpy(&gap, message.data.data(), format::kGapHeadBytes);
  if (gap.first != place_.next_event || gap.first + gap.count < gap.first) return false;
  message.kind = LogMessage::Kind::gap;
  place_.next_event += gap.count;
  return true;
}

// Behind an event: an input of the next one comes after that.
void EventSource::remember_mark() {
  if (place_.next_event % kEventsPerMark == 0)
    marks_.try_emplace(place_.next_event, Mark{place_.segment, place_.reader.offset()});
}

}  // namespace afterimage::replay
