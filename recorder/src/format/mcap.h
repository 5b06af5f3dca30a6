// MCAP records in memory: the few kinds that a segment consists of (FORMAT.md §4).
//
//     record = opcode u8 | length u64 | content
//
// A record is committed by storing its opcode last, with release order, over a zero byte: whoever dies in between leaves a
// zero opcode behind, where every reader stops.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "base/copy.h"

namespace afterimage::format {

inline constexpr std::size_t kMagicBytes = 8;
inline constexpr unsigned char kMagic[kMagicBytes] = {0x89, 'M', 'C', 'A', 'P', 0x30, '\r', '\n'};

enum class Opcode : std::uint8_t {
  header = 0x01, footer = 0x02, schema = 0x03, channel = 0x04, message = 0x05, metadata = 0x0C, data_end = 0x0F,
};

inline constexpr std::size_t kRecordPrefix = 9;                        // opcode and length
inline constexpr std::size_t kMessageOverhead = kRecordPrefix + 22;     // up to the message's data
inline constexpr std::size_t kSealBytes = kRecordPrefix + 4 + kRecordPrefix + 20 + kMagicBytes;

// Channels with a fixed meaning; events have numbers from kFirstEventChannel.
enum : std::uint16_t { kDoneChannel = 1, kInputChannel = 2, kGapChannel = 3, kFirstEventChannel = 16 };

// What an input is; the numbers are on disk.
enum class InputKind : std::uint16_t {
  foreign_frees = 1,    // u64 addresses; before the event
  created_reactor = 2,  // CreatedReactor; inside the event
  call = 3,             // format/calls.h; inside the event
  sent = 4,             // format/sent.h; inside the event
  entered = 5,          // nothing; before the event
  sender = 6,           // Sender; before the event
  thread_state = 7,     // snapshot/thread_state.h; before the event
};

struct CreatedReactor {
  std::uint64_t core, object;  // addresses in the recorded process
  std::uint32_t id, reserved;
};
static_assert(sizeof(CreatedReactor) == 24);

// Which event of another reactor has sent this one: its `message`-th to others, from 0.
struct Sender {
  std::uint64_t event;
  std::uint32_t reactor, message;
};
static_assert(sizeof(Sender) == 16);

// Events that the recorder could not log. The reason follows, in words; on disk the head is kGapHeadBytes long.
struct Gap {
  std::uint64_t first, count;
  std::uint32_t error;
};
inline constexpr std::size_t kGapHeadBytes = 20;

struct Done {
  std::uint32_t duration_ns;
  std::uint32_t flags;  // DoneFlags
  std::uint64_t allocation_fingerprint;
  std::uint64_t outbound_hash;
  std::uint64_t event;
};
static_assert(sizeof(Done) == 32);
// Follows a Done if the recording has digests.
struct StateDigests {
  std::uint64_t heap, variables;
  std::uint64_t stack, stack_bytes;  // that react() ran on: pointers there are not compared
};
enum DoneFlags : std::uint32_t { kThrew = 1 };

struct InputHeader {
  std::uint16_t kind;  // InputKind
  std::uint16_t reserved;
  std::uint32_t bytes;  // that follow
};
static_assert(sizeof(InputHeader) == 8);

using Property = std::pair<std::string_view, std::string_view>;

struct Message {
  std::uint16_t channel;
  std::uint32_t sequence;
  std::uint64_t time_ns;
};

// Appends records to a zeroed piece of memory. Does not check for room when writing.
class Writer {
 public:
  Writer() = default;
  explicit Writer(std::span<std::byte> memory) noexcept : memory_(memory) {}

  std::size_t used() const noexcept { return used_; }
  std::size_t room() const noexcept { return memory_.size() - used_; }
  std::byte* data() const noexcept { return memory_.data(); }

  void magic() noexcept;
  void header(std::string_view profile, std::string_view library) noexcept;
  void metadata(std::string_view name, std::span<const Property> properties) noexcept;
  void schema(std::uint16_t id, std::string_view name) noexcept;
  void channel(std::uint16_t id, std::string_view topic, std::string_view encoding,
               std::span<const Property> metadata) noexcept;
  // DataEnd with the CRC of everything so far, Footer, magic: the memory then holds a complete file of used() bytes.
  void seal() noexcept;

  // The hot path: one message whose data is `head` followed by `tail`.
  void message(const Message& message, std::span<const std::byte> head, std::span<const std::byte> tail = {}) noexcept {
    std::byte* const record = begin_message(message, head.size() + tail.size());
    copy_bytes(record + kMessageOverhead, head.data(), head.size());
    if (!tail.empty()) copy_bytes(record + kMessageOverhead + head.size(), tail.data(), tail.size());
    commit(record, Opcode::message);
  }
  // Field by field from registers: a copy of a Done would wait for the stores that have just made it.
  void done(const Message& message, const Done& done) noexcept {
    std::byte* const record = begin_message(message, sizeof done);
    std::byte* const data = record + kMessageOverhead;
    std::memcpy(data, &done.duration_ns, 4);
    std::memcpy(data + 4, &done.flags, 4);
    std::memcpy(data + 8, &done.allocation_fingerprint, 8);
    std::memcpy(data + 16, &done.outbound_hash, 8);
    std::memcpy(data + 24, &done.event, 8);
    commit(record, Opcode::message);
  }

 private:
  // Counts it before it is written: the compiler must take every store into the log for one that may have changed our members.
  std::byte* begin_message(const Message& message, std::size_t bytes) noexcept {
    std::byte* const record = memory_.data() + used_;
    used_ += kMessageOverhead + bytes;
    const std::uint64_t length = kMessageOverhead - kRecordPrefix + bytes;
    std::memcpy(record + 1, &length, 8);
    std::memcpy(record + 9, &message.channel, 2);
    std::memcpy(record + 11, &message.sequence, 4);
    std::memcpy(record + 15, &message.time_ns, 8);
    std::memcpy(record + 23, &message.time_ns, 8);
    return record;
  }
  class Content;  // writes one record's fields, then commits it
  static void commit(std::byte* record, Opcode opcode) noexcept {
    __atomic_store_n(reinterpret_cast<std::uint8_t*>(record), static_cast<std::uint8_t>(opcode), __ATOMIC_RELEASE);
  }

  std::span<std::byte> memory_;
  std::size_t used_ = 0;
};

struct Record {
  Opcode opcode;
  std::span<const std::byte> content;
};

// Walks the records of a segment, live or sealed, and stops where the committed part ends. Never reads past its memory.
class Reader {
 public:
  enum class End { none, uncommitted, cut_off, complete, not_mcap };

  explicit Reader(std::span<const std::byte> file) noexcept;

  // The next record, or nothing at the end; end() then says which kind of end it is.
  std::optional<Record> next() noexcept;
  End end() const noexcept { return end_; }
  std::size_t offset() const noexcept { return offset_; }  // of the record that next() will read
  void seek(std::size_t offset) noexcept { offset_ = offset, end_ = End::none; }

 private:
  std::span<const std::byte> file_;
  std::size_t offset_ = 0;
  End end_ = End::none;
};

// Reads the fields of one record; a field that is not there makes it fail() and yields zeroes.
class Fields {
 public:
  explicit Fields(std::span<const std::byte> content) noexcept : left_(content) {}
  template <typename T>
  T number() noexcept {
    T value{};
    const auto bytes = take(sizeof(T));
    if (!bytes.empty()) std::memcpy(&value, bytes.data(), sizeof(T));
    return value;
  }
  std::string_view string() noexcept;
  std::span<const std::byte> rest() const noexcept { return left_; }
  bool failed() const noexcept { return failed_; }
  // Calls visit(key, value) for a map<string, string>.
  template <typename F>
  void map(F&& visit) {
    Fields entries(take(number<std::uint32_t>()));
    while (!entries.rest().empty() && !entries.failed()) {
      const std::string_view key = entries.string();
      const std::string_view value = entries.string();
      if (!entries.failed()) visit(key, value);
    }
    failed_ = failed_ || entries.failed();
  }

 private:
  std::span<const std::byte> take(std::size_t bytes) noexcept;
  std::span<const std::byte> left_;
  bool failed_ = false;
};

}  // namespace afterimage::format
