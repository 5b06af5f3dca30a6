#include "format/mcap.h"

#include "format/crc32.h"

namespace afterimage::format {

class Writer::Content {
 public:
  Content(Writer& writer, Opcode opcode) noexcept
      : writer_(writer), opcode_(opcode), at_(writer.memory_.data() + writer.used_ + kRecordPrefix) {}
  ~Content() {
    std::byte* const record = writer_.memory_.data() + writer_.used_;
    const std::uint64_t length = static_cast<std::uint64_t>(at_ - record) - kRecordPrefix;
    std::memcpy(record + 1, &length, 8);
    commit(record, opcode_);
    writer_.used_ += kRecordPrefix + length;
  }
  Content(const Content&) = delete;
  Content& operator=(const Content&) = delete;

  template <typename T>
  Content& number(T value) noexcept {
    std::memcpy(at_, &value, sizeof value);
    at_ += sizeof value;
    return *this;
  }
  Content& string(std::string_view text) noexcept {
    number(static_cast<std::uint32_t>(text.size()));
    std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
    return *this;
  }
  Content& map(std::span<const Property> properties) noexcept {
    std::uint32_t bytes = 0;
    for (const auto& [key, value] : properties) bytes += static_cast<std::uint32_t>(8 + key.size() + value.size());
    number(bytes);
    for (const auto& [key, value] : properties) string(key).string(value);
    return *this;
  }

 private:
  Writer& writer_;
  Opcode opcode_;
  std::byte* at_;
};

void Writer::magic() noexcept {
  std::memcpy(memory_.data() + used_, kMagic, kMagicBytes);
  used_ += kMagicBytes;
}

void Writer::header(std::string_view profile, std::string_view library) noexcept {
  Content(*this, Opcode::header).string(profile).string(library);
}

void Writer::metadata(std::string_view name, std::span<const Property> properties) noexcept {
  Content(*this, Opcode::metadata).string(name).map(properties);
}

void Writer::schema(std::uint16_t id, std::string_view name) noexcept {
  Content(*this, Opcode::schema).number(id).string(name).string("").number(std::uint32_t{0});
}

void Writer::channel(std::uint16_t id, std::string_view topic, std::string_view encoding,
                     std::span<const Property> metadata) noexcept {
  // A channel without a schema has schema id 0; event channels have the schema of the same number.
  const std::uint16_t schema = id >= kFirstEventChannel ? id : std::uint16_t{0};
  Content(*this, Opcode::channel).number(id).number(schema).string(topic).string(encoding).map(metadata);
}

void Writer::seal() noexcept {
  const std::uint32_t crc = crc32({memory_.data(), used_});
  Content(*this, Opcode::data_end).number(crc);
  // No summary section: offsets 0; CRC 0 = not available.
  Content(*this, Opcode::footer).number(std::uint64_t{0}).number(std::uint64_t{0}).number(std::uint32_t{0});
  magic();
}

Reader::Reader(std::span<const std::byte> file) noexcept : file_(file), offset_(kMagicBytes) {
  if (file.size() < kMagicBytes || std::memcmp(file.data(), kMagic, kMagicBytes) != 0) end_ = End::not_mcap;
}

std::optional<Record> Reader::next() noexcept {
  if (end_ != End::none) return std::nullopt;
  if (offset_ == file_.size() || file_.size() - offset_ < kRecordPrefix) {
    end_ = offset_ == file_.size() ? End::uncommitted : End::cut_off;
    return std::nullopt;
  }
  const auto* const record = reinterpret_cast<const std::uint8_t*>(file_.data() + offset_);
  const std::uint8_t opcode = __atomic_load_n(record, __ATOMIC_ACQUIRE);
  if (opcode == 0) {
    end_ = End::uncommitted;
    return std::nullopt;
  }
  std::uint64_t length;
  std::memcpy(&length, record + 1, 8);
  if (length > file_.size() - offset_ - kRecordPrefix) {
    end_ = End::cut_off;
    return std::nullopt;
  }
  if (static_cast<Opcode>(opcode) == Opcode::data_end) {
    end_ = End::complete;
    return std::nullopt;
  }
  const Record result{static_cast<Opcode>(opcode), file_.subspan(offset_ + kRecordPrefix, length)};
  offset_ += kRecordPrefix + length;
  return result;
}

std::string_view Fields::string() noexcept {
  const auto bytes = take(number<std::uint32_t>());
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::span<const std::byte> Fields::take(std::size_t bytes) noexcept {
  if (failed_ || bytes > left_.size()) {
    failed_ = true;
    left_ = {};
    return {};
  }
  const auto taken = left_.first(bytes);
  left_ = left_.subspan(bytes);
  return taken;
}

}  // namespace afterimage::format
