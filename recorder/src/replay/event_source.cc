#include "replay/event_source.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "base/file_descriptor.h"

namespace afterimage::replay {
namespace {

constexpr std::uint64_t kEventsPerMark = 4096;

// A newer minor version may have channels that we do not know.
bool known_channel(std::span<const std::byte> message) {
  const auto channel = format::Fields(message).number<std::uint16_t>();
  return channel <= format::kGapChannel || channel >= format::kFirstEventChannel;
}

std::uint64_t number(std::string_view text, int base = 10) {
  return std::strtoull(std::string(text).c_str(), nullptr, base);
}

}  // namespace

EventSource::~EventSource() {
  for (const Segment& segment : segments_) munmap(const_cast<std::byte*>(segment.file.data()), segment.file.size());
}

Status EventSource::open(const std::string& directory) {
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

  // Only the last segment has to be read to know where the log ends.
  enter_segment(segments_.size() - 1);
  while (read_message()) {}
  end_ = next_event_;
  seek(first());
  return {};
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
    if (key == "align") channel.align = number(value);
  });
  if (!fields.failed()) channels_[id] = std::move(channel);
}

void EventSource::enter_segment(std::size_t index, std::size_t offset) {
  segment_ = index;
  reader_.emplace(segments_[index].file);
  reader_->seek(offset);
  if (offset == format::kMagicBytes) next_event_ = segments_[index].first_event;
  peeked_.reset();
  ended_ = false;
}

void EventSource::seek(std::uint64_t position) {
  const auto after = std::ranges::upper_bound(segments_, position, {}, &Segment::first_event);
  const std::size_t index = after == segments_.begin() ? 0 : static_cast<std::size_t>(after - segments_.begin()) - 1;
  auto mark = marks_.upper_bound(position);
  if (mark != marks_.begin() && (--mark)->second.segment >= index) {
    enter_segment(mark->second.segment, mark->second.offset);
    next_event_ = mark->first;
  } else {
    enter_segment(index);
  }
  while (const auto message = peek()) {
    if (message->event >= position && message->kind != LogMessage::Kind::done) return;
    next();
  }
}

std::optional<LogMessage> EventSource::peek() {
  if (!peeked_) peeked_ = read_message();
  return peeked_;
}

bool EventSource::ends_in_this_event() {
  const auto message = peek();
  if (!message) return true;
  if (message->kind != LogMessage::Kind::input || next_event_ != end_) return false;
  bool ends = false;
  peek_inputs(&ends);
  return ends;
}

std::vector<LogMessage> EventSource::peek_inputs(bool* log_ends) {
  const auto segment = segment_;
  const auto reader = reader_;
  const auto next_event = next_event_;
  const auto peeked = peeked_;
  const bool ended = ended_;
  std::vector<LogMessage> inputs;
  auto message = next();
  for (; message && message->kind == LogMessage::Kind::input; message = next()) inputs.push_back(*message);
  if (log_ends != nullptr) *log_ends = !message;
  segment_ = segment;
  reader_ = reader;
  next_event_ = next_event;
  peeked_ = peeked;
  ended_ = ended;
  return inputs;
}

std::optional<LogMessage> EventSource::next() {
  if (!peeked_) return read_message();
  return std::exchange(peeked_, std::nullopt);
}

// The log ends at the first thing that is wrong with it: what lies behind must not be taken for its continuation.
std::optional<LogMessage> EventSource::read_message() {
  if (ended_) return std::nullopt;
  const auto message = read_next();
  ended_ = !message;
  return message;
}

std::optional<LogMessage> EventSource::read_next() {
  for (;;) {
    if (const auto record = reader_->next()) {
      if (record->opcode == format::Opcode::channel) read_channel(record->content);
      if (record->opcode != format::Opcode::message || !known_channel(record->content)) continue;
      const auto message = decode(*record);
      if (!message) return std::nullopt;
      if (message->kind == LogMessage::Kind::event) remember_mark();
      return message;
    }
    if (segment_ + 1 == segments_.size()) return std::nullopt;
    if (segments_[segment_ + 1].first_event != next_event_) return std::nullopt;  // events are missing here
    enter_segment(segment_ + 1);
  }
}

std::optional<LogMessage> EventSource::decode(const format::Record& record) {
  format::Fields fields(record.content);
  const auto channel = fields.number<std::uint16_t>();
  const auto sequence = fields.number<std::uint32_t>();
  fields.number<std::uint64_t>();
  fields.number<std::uint64_t>();
  if (fields.failed()) return std::nullopt;
  LogMessage message{.kind = LogMessage::Kind::input, .event = next_event_, .channel = nullptr, .data = fields.rest()};
  switch (channel) {
    case format::kInputChannel:
      // Before the next event, or from inside the one that has begun.
      if (sequence != static_cast<std::uint32_t>(next_event_)) --message.event;
      return message;
    case format::kGapChannel: return decode_gap(message);
    case format::kDoneChannel:
      if (message.data.size() < sizeof(format::Done)) return std::nullopt;
      message.kind = LogMessage::Kind::done;
      std::memcpy(&message.event, message.data.data() + offsetof(format::Done, event), sizeof message.event);
      return message;
    default: break;
  }
  const auto found = channels_.find(channel);
  if (found == channels_.end() || sequence != static_cast<std::uint32_t>(next_event_)) return std::nullopt;
  message.kind = LogMessage::Kind::event;
  message.channel = &found->second;
  ++next_event_;
  return message;
}

std::optional<LogMessage> EventSource::decode_gap(LogMessage message) {
  format::Gap gap{};
  if (message.data.size() < format::kGapHeadBytes) return std::nullopt;
  std::memcpy(&gap, message.data.data(), format::kGapHeadBytes);
  if (gap.first != next_event_ || gap.first + gap.count < gap.first) return std::nullopt;
  message.kind = LogMessage::Kind::gap;
  next_event_ += gap.count;
  return message;
}

// Behind an event: an input of the next one comes after that.
void EventSource::remember_mark() {
  if (next_event_ % kEventsPerMark == 0) marks_.try_emplace(next_event_, Mark{segment_, reader_->offset()});
}

}  // namespace afterimage::replay
