#include "format/zstd_frames.h"

#include <errno.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>

#include "format/positioned_io.h"

namespace afterimage::format {
namespace {

constexpr std::uint32_t kFrameContent = std::uint32_t{4} << 20;
constexpr std::uint32_t kMostContent = std::uint32_t{64} << 20;  // of a frame that somebody else wrote
constexpr std::size_t kRoom = std::size_t{256} << 10;

constexpr std::uint32_t kSkippableMagic = 0x184D2A5E, kTableMagic = 0x8F92EAB1;

struct TableHead {
  std::uint32_t magic, bytes;
};
struct TableEntry {
  std::uint32_t bytes, content_bytes;
};
struct [[gnu::packed]] TableFoot {
  std::uint32_t frames;
  std::uint8_t flags;  // bit 7: entries have checksums, too. Ours are in the frames
  std::uint32_t magic;
};
static_assert(sizeof(TableFoot) == 9);

template <class T>
void append(std::vector<std::byte>& to, const T& value) {
  const auto* const bytes = reinterpret_cast<const std::byte*>(&value);
  to.insert(to.end(), bytes, bytes + sizeof value);
}

}  // namespace

ZstdFrameWriter::ZstdFrameWriter(int descriptor, int level) noexcept : descriptor_(descriptor), context_(ZSTD_createCCtx()) {
  if (context_ == nullptr) return;
  ZSTD_CCtx_setParameter(context_, ZSTD_c_compressionLevel, std::clamp(level, ZSTD_minCLevel(), ZSTD_maxCLevel()));
  ZSTD_CCtx_setParameter(context_, ZSTD_c_checksumFlag, 1);
}

ZstdFrameWriter::~ZstdFrameWriter() { ZSTD_freeCCtx(context_); }

int ZstdFrameWriter::write(const void* data, std::size_t bytes) {
  for (const auto* p = static_cast<const std::byte*>(data); bytes > 0;) {
    const std::size_t part = std::min<std::size_t>(bytes, kFrameContent - frame_.content_bytes);
    if (const int error = compress({p, part}, false); error != 0) return error;
    p += part;
    bytes -= part;
    if (frame_.content_bytes < kFrameContent) continue;
    if (const int error = end_frame(); error != 0) return error;
  }
  return 0;
}

int ZstdFrameWriter::end_frame() {
  if (frame_.content_bytes == 0) return 0;
  if (const int error = compress({}, true); error != 0) return error;
  frames_.push_back(frame_);
  frame_ = {.offset = at_, .bytes = 0, .content_bytes = 0};
  return 0;
}

int ZstdFrameWriter::compress(std::span<const std::byte> content, bool last) {
  if (context_ == nullptr) return ENOMEM;
  room_.resize(kRoom);
  ZSTD_inBuffer in{content.data(), content.size(), 0};
  for (std::size_t left = 1; in.pos < in.size || (last && left != 0);) {
    ZSTD_outBuffer out{room_.data(), room_.size(), 0};
    left = ZSTD_compressStream2(context_, &out, &in, last ? ZSTD_e_end : ZSTD_e_continue);
    if (ZSTD_isError(left)) return ENOMEM;  // nothing else can go wrong
    if (const int error = write_at(descriptor_, room_.data(), out.pos, at_); error != 0) return error;
    at_ += out.pos;
    frame_.bytes += static_cast<std::uint32_t>(out.pos);
  }
  frame_.content_bytes += static_cast<std::uint32_t>(content.size());
  return 0;
}

int ZstdFrameWriter::finish() {
  if (const int error = end_frame(); error != 0) return error;
  std::vector<std::byte> table;
  append(table, TableHead{kSkippableMagic, static_cast<std::uint32_t>(frames_.size() * sizeof(TableEntry) + sizeof(TableFoot))});
  for (const ZstdFrame& frame : frames_) append(table, TableEntry{frame.bytes, frame.content_bytes});
  append(table, TableFoot{static_cast<std::uint32_t>(frames_.size()), 0, kTableMagic});
  return write_at(descriptor_, table.data(), table.size(), at_);
}

bool ZstdFrameReader::begins(int descriptor) noexcept {
  std::uint32_t magic = 0;
  return read_at(descriptor, &magic, sizeof magic, 0) && magic == ZSTD_MAGICNUMBER;
}

std::string ZstdFrameReader::open(int descriptor, std::uint64_t file_bytes) {
  descriptor_ = descriptor;
  TableFoot foot{};
  if (file_bytes < sizeof foot || !read_at(descriptor, &foot, sizeof foot, file_bytes - sizeof foot) || foot.magic != kTableMagic)
    return "is cut off: the table of its frames, which comes last, is missing";
  const std::uint64_t entry_bytes = (foot.flags & 0x80) != 0 ? sizeof(TableEntry) + 4 : sizeof(TableEntry);
  const std::uint64_t table_bytes = foot.frames * entry_bytes + sizeof foot;
  TableHead head{};
  if (table_bytes + sizeof head > file_bytes) return "has a table of more frames than fit into it";
  const std::uint64_t offset = file_bytes - table_bytes - sizeof head;
  std::vector<std::byte> table(table_bytes);
  if (!read_at(descriptor, &head, sizeof head, offset) || head.magic != kSkippableMagic || head.bytes != table_bytes ||
      !read_at(descriptor, table.data(), table.size(), offset + sizeof head))
    return "has a damaged table of frames";
  for (std::size_t at = 0; at < foot.frames * entry_bytes; at += entry_bytes) {
    TableEntry entry;
    std::memcpy(&entry, table.data() + at, sizeof entry);
    const std::uint64_t begin = frames_.empty() ? 0 : frames_.back().offset + frames_.back().bytes;
    if (entry.content_bytes > kMostContent || entry.bytes > ZSTD_compressBound(entry.content_bytes))
      return "has a frame of impossible size: number " + std::to_string(frames_.size());
    frames_.push_back({begin, entry.bytes, entry.content_bytes});
    content_bytes_ += entry.content_bytes;
  }
  const std::uint64_t end = frames_.empty() ? 0 : frames_.back().offset + frames_.back().bytes;
  return end == offset && !frames_.empty() ? "" : "has another size than the table of its frames says";
}

std::string ZstdFrameReader::read(const ZstdFrame& frame, std::byte* to) const {
  const auto number = [&] { return std::to_string(&frame - frames_.data()); };
  std::vector<std::byte> compressed(frame.bytes);
  if (!read_at(descriptor_, compressed.data(), compressed.size(), frame.offset)) return "cannot be read: frame " + number();
  const std::size_t bytes = ZSTD_decompress(to, frame.content_bytes, compressed.data(), compressed.size());
  if (ZSTD_isError(bytes)) return "is damaged in frame " + number() + ": " + ZSTD_getErrorName(bytes);
  return bytes == frame.content_bytes ? "" : "is damaged in frame " + number() + ": it has " + std::to_string(bytes) + " bytes of content";
}

}  // namespace afterimage::format
