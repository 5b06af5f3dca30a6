// recorder/bench/events.cc: what an event that owns memory costs, by the way in which it gets into the log.
//
//     events_bench [--smoke] [--directory DIR]     prints rows: id value unit
//
// The event is a struct with a string of 40 characters and a vector of four ints, made anew for each delivery: with a Codec outside of the
// reactor, or by deliver_made() inside. The reactor adds up what it gets. Processor time of the thread, the median of rounds that
// alternate; and the bytes in the log.
#include <stdlib.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "afterimage/recorder.h"

namespace {

struct Order {
  std::uint64_t number;
  std::string customer;
  std::vector<int> items;
};

struct Desk {
  std::uint64_t sum = 0;
  void react(const Order& order) { sum += order.number + order.customer.size() + static_cast<std::uint64_t>(order.items.back()); }
};

Order an_order(std::uint64_t number) {
  return {.number = number, .customer = "a customer whose name has 40 characters.", .items = {1, 2, 3, static_cast<int>(number)}};
}

}  // namespace

template <>
struct afterimage::Codec<Order> {
  static void append(Bytes& out, const void* data, std::size_t bytes) {
    const auto* const first = static_cast<const std::byte*>(data);
    out.insert(out.end(), first, first + bytes);
  }
  static void encode(const Order& order, Bytes& out) {
    const std::array<std::uint64_t, 2> head{order.number, order.customer.size()};
    out.reserve(sizeof head + order.customer.size() + order.items.size() * sizeof(int));
    append(out, head.data(), sizeof head);
    append(out, order.customer.data(), order.customer.size());
    append(out, order.items.data(), order.items.size() * sizeof(int));
  }
  static Order decode(std::span<const std::byte>) { return {}; }  // nothing is replayed
};

namespace {

double cpu_ns() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

template <typename Deliver>
double ns_per_event(std::size_t events, const Deliver& deliver) {
  const double begun = cpu_ns();
  for (std::size_t i = 0; i < events; ++i) deliver(i);
  return (cpu_ns() - begun) / static_cast<double>(events);
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

std::uint64_t bytes_in(const std::string& directory) {
  std::uint64_t bytes = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory))
    if (entry.path().extension() == ".mcap") bytes += entry.file_size();
  return bytes;
}

}  // namespace

int main(int count, char** arguments) {
  std::size_t events = 100'000, rounds = 9;
  std::string directory = ".";
  for (int i = 1; i < count; ++i) {
    if (std::strcmp(arguments[i], "--smoke") == 0) events = 1000, rounds = 1;
    if (std::strcmp(arguments[i], "--directory") == 0 && i + 1 < count) directory = arguments[++i];
  }
  directory += "/events-bench-XXXXXX";
  if (mkdtemp(directory.data()) == nullptr) return 1;
  std::string path;
  std::vector<double> codec, made, neither;
  {
    auto recorder = afterimage::Recorder::open({.directory = directory, .snapshot_log_bytes = 0, .keep_bytes = 0});
    if (!recorder.status()) return 1;
    path = recorder.path();
    auto by_codec = recorder.create<Desk>("codec");
    auto by_making = recorder.create<Desk>("made");
    Desk plain;
    for (std::size_t round = 0; round < rounds; ++round) {
      neither.push_back(ns_per_event(events, [&](std::size_t i) { plain.react(an_order(i)); }));
      codec.push_back(ns_per_event(events, [&](std::size_t i) { by_codec.deliver(an_order(i)); }));
      made.push_back(ns_per_event(events, [&](std::size_t i) { by_making.deliver_made([&] { return an_order(i); }); }));
    }
    std::printf("events.unrecorded.cpu_ns %.1f ns %zu\n", median(neither), rounds);
    std::printf("events.codec.cpu_ns %.1f ns %zu\n", median(codec), rounds);
    std::printf("events.made.cpu_ns %.1f ns %zu\n", median(made), rounds);
  }
  const auto all = static_cast<double>(events * rounds);
  std::printf("events.codec.log_bytes %.1f bytes\n", static_cast<double>(bytes_in(path + "/r0")) / all);
  std::printf("events.made.log_bytes %.1f bytes\n", static_cast<double>(bytes_in(path + "/r1")) / all);
  std::filesystem::remove_all(directory);
}
