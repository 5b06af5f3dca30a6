// The N-API face of native/: conversions only. Arguments have been checked by native/index.ts, the only caller.
#include <napi.h>

#include <cstring>

#include "page_differences.h"
#include "process_memory.h"

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

Napi::Object init(Napi::Env env, Napi::Object exports) {
  exports["readProcessMemory"] = Napi::Function::New(env, read_process_memory);
  exports["findPageDifferences"] = Napi::Function::New(env, find_page_differences);
  return exports;
}

}  // namespace

NODE_API_MODULE(afterimage, init)
