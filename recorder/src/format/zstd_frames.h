// A file of Zstandard frames that ends with a table of them: the *seekable format* of zstd's own contrib directory. `zstd -d` reads it
// as any other file, for the table is a frame to be skipped; who has the table reads one frame without those before it, and
// knows that the file was not cut off.
//
// zstd is linked in: a shared libzstd would be one more module of every recorded program, and a replay needs the same build of each.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

struct ZSTD_CCtx_s;

namespace afterimage::format {

struct ZstdFrame {
  std::uint64_t offset;  // in the file
  std::uint32_t bytes, content_bytes;
};

// Writes one, from the beginning of a file to its end. Functions return 0 or an errno.
class ZstdFrameWriter {
 public:
  // `level` as zstd has them: 1 to 22, and below 0 what is faster and larger.
  ZstdFrameWriter(int descriptor, int level) noexcept;
  ~ZstdFrameWriter();
  ZstdFrameWriter(const ZstdFrameWriter&) = delete;
  ZstdFrameWriter& operator=(const ZstdFrameWriter&) = delete;

  // A frame that is full ends by itself.
  [[nodiscard]] int write(const void* data, std::size_t bytes);
  [[nodiscard]] int end_frame();
  // Ends the last frame, and writes the table.
  [[nodiscard]] int finish();

 private:
  int compress(std::span<const std::byte> content, bool last);

  const int descriptor_;
  ZSTD_CCtx_s* context_;
  std::vector<std::byte> room_;  // for what is compressed
  std::vector<ZstdFrame> frames_;
  std::uint64_t at_ = 0;  // in the file
  ZstdFrame frame_{};     // the one that was begun, if it has content
};

// Reads one with suspicion. Functions return what is wrong ("it ..."), or nothing.
class ZstdFrameReader {
 public:
  // Whether the file begins as a frame does.
  static bool begins(int descriptor) noexcept;

  // The table. The file stays open elsewhere.
  [[nodiscard]] std::string open(int descriptor, std::uint64_t file_bytes);
  std::span<const ZstdFrame> frames() const noexcept { return frames_; }
  std::uint64_t content_bytes() const noexcept { return content_bytes_; }

  // `to` has room for the content of the frame.
  [[nodiscard]] std::string read(const ZstdFrame& frame, std::byte* to) const;

 private:
  std::string read_entries(std::span<const std::byte> entries, std::uint64_t table_offset);

  int descriptor_ = -1;
  std::vector<ZstdFrame> frames_;
  std::uint64_t content_bytes_ = 0;
};

}  // namespace afterimage::format
