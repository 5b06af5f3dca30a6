// Three logs share the thread that prepares and seals their segments: what each thread appends is read back, whole and in order.
// A log that ends inside of an event says so, however many segments that event has filled.
#include <algorithm>
#include <filesystem>
#include <string>
#include <thread>
#include <typeinfo>
#include <vector>

#include "check.h"
#include "kills.h"
#include "record/event_log.h"
#include "replay/event_source.h"

using namespace afterimage;
using replay::EventSource;
using replay::LogMessage;

namespace {

constexpr std::uint64_t kEvents = 20'000;
constexpr std::size_t kLongest = 300, kSegmentBytes = 65536;
constexpr std::uint64_t kLastEvent = 21;      // of the log that ends inside
constexpr std::uint64_t kLargeEvent = 7'777;  // larger than a segment

constexpr detail::EventTypeInfo kText{
    .type = &typeid(std::string), .thunk = nullptr, .codec = detail::PayloadCodec::bytes, .bytes = 0, .align = 1, .has_padding = false,
    .clear_padding = nullptr};

std::vector<std::byte> payload_of(std::uint64_t event, std::uint32_t reactor) {
  const std::size_t bytes = event == kLargeEvent ? 3 * kSegmentBytes : event * 31 % kLongest;
  std::vector<std::byte> payload(bytes);
  for (std::size_t i = 0; i < bytes; ++i) payload[i] = static_cast<std::byte>(event + i * 3 + reactor);
  return payload;
}

void write_log(SegmentKeeper& keeper, const std::string& directory, std::uint32_t reactor) {
  Retention retention({});
  EventLog log(keeper, retention, {directory, kSegmentBytes, std::string(32, '0'), reactor});
  CHECK(log.open().ok());
  for (std::uint64_t event = 0; event < kEvents; ++event) {
    const std::uint16_t channel = log.channel_of(kText, event);
    const auto payload = payload_of(event, reactor);
    CHECK(log.append({channel, static_cast<std::uint32_t>(event), event + 1}, payload, {}, event));
    const format::Done done{.duration_ns = 1, .flags = 0, .allocation_fingerprint = event, .outbound_hash = 0, .event = event};
    CHECK(log.append({format::kDoneChannel, static_cast<std::uint32_t>(event), event + 1}, std::as_bytes(std::span(&done, 1)), {},
                     event + 1));
  }
}

void check_log(const std::string& directory, std::uint32_t reactor) {
  EventSource source;
  CHECK(source.open(directory).ok());
  std::uint64_t events = 0, dones = 0;
  while (const auto message = source.next()) {
    if (message->kind == LogMessage::Kind::done) CHECK_EQUAL(message->event, dones++);
    if (message->kind != LogMessage::Kind::event) continue;
    const auto expected = payload_of(events++, reactor);
    CHECK(std::ranges::equal(message->data, expected));
  }
  CHECK_EQUAL(events, kEvents);
  CHECK_EQUAL(dones, kEvents);
}

// The last event asks for so much that the segment it began in is not the last one by far.
void write_log_that_ends_inside(SegmentKeeper& keeper, const std::string& directory) {
  Retention retention({});
  EventLog log(keeper, retention, {directory, kSegmentBytes, std::string(32, '0'), 0});
  CHECK(log.open().ok());
  const std::uint16_t channel = log.channel_of(kText, 0);
  const auto append = [&](std::uint16_t to, std::uint64_t event, std::span<const std::byte> data, std::uint64_t next) {
    CHECK(log.append({to, static_cast<std::uint32_t>(event), event + 1}, data, {}, next));
  };
  for (std::uint64_t event = 0; event <= kLastEvent; ++event) {
    append(channel, event, payload_of(event, 0), event);
    std::vector<std::byte> input(1000);
    const format::InputHeader header{.kind = static_cast<std::uint16_t>(format::InputKind::call), .reserved = 0, .bytes = 992};
    std::memcpy(input.data(), &header, sizeof header);
    for (int i = 0; event == kLastEvent && i < 400; ++i) append(format::kInputChannel, event, input, event + 1);
    const format::Done done{.duration_ns = 1, .flags = 0, .allocation_fingerprint = event, .outbound_hash = 0, .event = event};
    if (event < kLastEvent) append(format::kDoneChannel, event, std::as_bytes(std::span(&done, 1)), event + 1);
  }
}

void check_log_that_ends_inside(const std::string& directory) {
  EventSource source;
  CHECK(source.open(directory).ok());
  CHECK_EQUAL(source.end(), kLastEvent + 1);
  CHECK(source.is_unfinished(kLastEvent));
  CHECK(!source.is_unfinished(kLastEvent - 1));
}

}  // namespace

int main() {
  constexpr std::uint32_t kLogs = 3;
  const TemporaryDirectory directory("event-log");
  const auto reactor_directory = [&](std::uint32_t reactor) { return directory.path() + "/r" + std::to_string(reactor); };
  {
    SegmentKeeper keeper;
    std::vector<std::thread> threads;
    for (std::uint32_t reactor = 0; reactor < kLogs; ++reactor) {
      std::filesystem::create_directory(reactor_directory(reactor));
      threads.emplace_back([&, reactor] { write_log(keeper, reactor_directory(reactor), reactor); });
    }
    for (std::thread& thread : threads) thread.join();
  }
  for (std::uint32_t reactor = 0; reactor < kLogs; ++reactor) check_log(reactor_directory(reactor), reactor);

  const std::string inside = directory.path() + "/inside";
  std::filesystem::create_directory(inside);
  {
    SegmentKeeper keeper;
    write_log_that_ends_inside(keeper, inside);
  }
  check_log_that_ends_inside(inside);
}
