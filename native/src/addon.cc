// The N-API face of native/: conversions only. Arguments have been checked by native/index.ts, the only caller.
#include <napi.h>

#include <cstring>

#include "page_differences.h"
#include "process_memory.h"
#include "zstd_frames.h"

namespace {

std::span<const std::byte> bytes_of(const Napi::Value& value) {
  const auto buffer = value.As<Napi::Buffer<std::byte>>();
  return {buffer.Data(), buffer.Length()};
}

// (pid: number, address: bigint, into: Buffer) => [bytes read, errno, text of errno]
Napi::Value read_process_memory(const Napi::CallbackInfo& info) {
  bool lossless = false;
  const auto pid = info[0].As<Napi::Number>().Int32Value();
  const auto address = info[1].As<Napi::BigInt>().Uint64Value(&lossless);
  const auto into = info[2].As<Napi::Buffer<std::byte>>();
  const auto result = afterimage::read_process_memory(pid, address, {into.Data(), into.Length()});
  auto out = Napi::Array::New(info.Env(), 3);
  out[0u] = Napi::Number::New(info.Env(), static_cast<double>(result.bytes));
  out[1u] = Napi::Number::New(info.Env(), result.error);
  out[2u] = Napi::String::New(info.Env(), std::strerror(result.error));
  return out;
}

// (a: Buffer, b: Buffer, pageBytes: number) => [first, count, first, count, ...]
Napi::Value find_page_differences(const Napi::CallbackInfo& info) {
  const auto page_bytes = static_cast<std::size_t>(info[2].As<Napi::Number>().Int64Value());
  const auto runs = afterimage::find_page_differences(bytes_of(info[0]), bytes_of(info[1]), page_bytes);
  auto out = Napi::Array::New(info.Env(), 2 * runs.size());
  for (std::uint32_t i = 0; i < runs.size(); i++) {
    out[2 * i] = Napi::Number::New(info.Env(), static_cast<double>(runs[i].first));
    out[2 * i + 1] = Napi::Number::New(info.Env(), static_cast<double>(runs[i].count));
  }
  return out;
}

std::span<std::byte> room_in(const Napi::Value& value) {
  const auto buffer = value.As<Napi::Buffer<std::byte>>();
  return {buffer.Data(), buffer.Length()};
}

// => [bytes written, bytes consumed, error or ""]
Napi::Value zstd_answer(const Napi::CallbackInfo& info, const afterimage::ZstdResult& result) {
  auto out = Napi::Array::New(info.Env(), 3);
  out[0u] = Napi::Number::New(info.Env(), static_cast<double>(result.bytes));
  out[1u] = Napi::Number::New(info.Env(), static_cast<double>(result.consumed));
  out[2u] = Napi::String::New(info.Env(), result.error);
  return out;
}

// (bytes: number) => number
Napi::Value zstd_bound(const Napi::CallbackInfo& info) {
  const auto bytes = static_cast<std::size_t>(info[0].As<Napi::Number>().Int64Value());
  return Napi::Number::New(info.Env(), static_cast<double>(afterimage::zstd_bound(bytes)));
}

// (content: Buffer, into: Buffer, level: number) => [written, consumed, error]
Napi::Value zstd_compress(const Napi::CallbackInfo& info) {
  const auto level = info[2].As<Napi::Number>().Int32Value();
  return zstd_answer(info, afterimage::zstd_compress(bytes_of(info[0]), room_in(info[1]), level));
}

// (source: Buffer) => number: what the first frame says, or 2^64
Napi::Value zstd_content_bytes(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(afterimage::zstd_content_bytes(bytes_of(info[0]))));
}

// (source: Buffer, into: Buffer) => [written, consumed, error]
Napi::Value zstd_decompress(const Napi::CallbackInfo& info) {
  return zstd_answer(info, afterimage::zstd_decompress(bytes_of(info[0]), room_in(info[1])));
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  exports["readProcessMemory"] = Napi::Function::New(env, read_process_memory);
  exports["findPageDifferences"] = Napi::Function::New(env, find_page_differences);
  exports["zstdBound"] = Napi::Function::New(env, zstd_bound);
  exports["zstdCompress"] = Napi::Function::New(env, zstd_compress);
  exports["zstdContentBytes"] = Napi::Function::New(env, zstd_content_bytes);
  exports["zstdDecompress"] = Napi::Function::New(env, zstd_decompress);
  return exports;
}

}  // namespace

NODE_API_MODULE(afterimage, init)
