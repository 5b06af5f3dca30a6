#include "zstd_frames.h"

#include <zstd.h>

namespace afterimage {

namespace {

ZstdResult result_of(std::size_t code, std::size_t consumed) {
  if (ZSTD_isError(code)) return {0, 0, ZSTD_getErrorName(code)};
  return {code, consumed, {}};
}

}  // namespace

std::size_t zstd_bound(std::size_t content_bytes) { return ZSTD_compressBound(content_bytes); }

ZstdResult zstd_compress(std::span<const std::byte> content, std::span<std::byte> into, int level) {
  return result_of(ZSTD_compress(into.data(), into.size(), content.data(), content.size(), level), content.size());
}

std::uint64_t zstd_content_bytes(std::span<const std::byte> source) {
  const auto bytes = ZSTD_getFrameContentSize(source.data(), source.size());
  return bytes == ZSTD_CONTENTSIZE_ERROR ? ZSTD_CONTENTSIZE_UNKNOWN : bytes;
}

ZstdResult zstd_decompress(std::span<const std::byte> source, std::span<std::byte> into) {
  const auto frame = ZSTD_findFrameCompressedSize(source.data(), source.size());
  if (ZSTD_isError(frame)) return result_of(frame, 0);
  return result_of(ZSTD_decompress(into.data(), into.size(), source.data(), frame), frame);
}

}  // namespace afterimage
