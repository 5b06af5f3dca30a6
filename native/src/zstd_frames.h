// Zstandard, one frame at a time: what packed recordings and their attachments are made of (recorder/FORMAT.md, Packed recordings).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace afterimage {

struct ZstdResult {
  std::size_t bytes = 0;     // written to `into`
  std::size_t consumed = 0;  // of the source
  std::string error;         // empty when all went well
};

// The most bytes a frame with this content can have.
std::size_t zstd_bound(std::size_t content_bytes);

// One frame that states the size of its content. The same content gives the same bytes, always.
ZstdResult zstd_compress(std::span<const std::byte> content, std::span<std::byte> into, int level);

// What the first frame of `source` says about the size of its content; ~0 when it does not say, or is no frame.
std::uint64_t zstd_content_bytes(std::span<const std::byte> source);

// Decompresses the first frame of `source`.
ZstdResult zstd_decompress(std::span<const std::byte> source, std::span<std::byte> into);

}  // namespace afterimage
