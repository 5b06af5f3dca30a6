// kill -9 at random moments, thousands of times: no event is lost whose react() had begun, and none is unreadable.
//
// Each child records two reactors, one sending to the other, in segments so small that every kill is near the change of one.
// What react() has begun it says in memory that outlives it. AFTERIMAGE_KILLS: how many kills (default 40).
#include <sys/mman.h>

#include <cstring>
#include <string>

#include "afterimage/recorder.h"
#include "check.h"
#include "kills.h"
#include "replay/event_source.h"

namespace {

using afterimage::replay::EventSource;
using afterimage::replay::LogMessage;

constexpr std::uint64_t kLatestKill = 3'000;
constexpr std::size_t kLongest = 600;

std::size_t length_of(std::uint64_t number) { return 8 + (number * 0x9E3779B97F4A7C15u >> 40) % (kLongest - 8); }

// Its number, then bytes that follow from it.
std::span<const std::byte> make_event(std::uint64_t number, std::byte (&bytes)[kLongest]) {
  std::memcpy(bytes, &number, sizeof number);
  for (std::size_t i = sizeof number; i < length_of(number); ++i) bytes[i] = static_cast<std::byte>(number * 31 + i);
  return {bytes, length_of(number)};
}

struct Begun {
  std::uint64_t sender, receiver;
};
Begun* g_begun = nullptr;

void count(std::uint64_t& begun) { __atomic_store_n(&begun, begun + 1, __ATOMIC_SEQ_CST); }

struct Receiver {
  void react(const std::span<const std::byte>&) { count(g_begun->receiver); }
};

struct Sender {
  afterimage::ReactorRef<Receiver> receiver;
  void react(const std::span<const std::byte>& event) {
    count(g_begun->sender);
    receiver.deliver(event);
  }
};

[[noreturn]] void record(const std::string& directory) {
  auto recorder = afterimage::Recorder::open({.directory = directory, .segment_bytes = 65536, .snapshot_log_bytes = 0});
  auto receiver = recorder.create<Receiver>("receiver");
  auto sender = recorder.create<Sender>("sender", receiver.ref());
  std::byte bytes[kLongest];
  for (std::uint64_t number = 0;; ++number) sender.deliver(make_event(number, bytes));
}

void check_log(const std::string& reactor_directory, std::uint64_t begun) {
  EventSource source;
  const afterimage::Status opened = source.open(reactor_directory);
  if (!opened && begun == 0) return;  // killed before its first segment was there
  CHECK(opened.ok());
  std::uint64_t number = 0;
  std::byte bytes[kLongest];
  while (const auto message = source.next()) {
    if (message->kind != LogMessage::Kind::event) continue;
    const auto expected = make_event(number++, bytes);
    CHECK_EQUAL(message->data.size(), expected.size());
    CHECK(std::memcmp(message->data.data(), expected.data(), expected.size()) == 0);
  }
  CHECK(number >= begun);      // nothing is lost
  CHECK(number <= begun + 1);  // nothing is made up
}

void kill_once(RandomNumbers& random) {
  const TemporaryDirectory directory("kill");
  *g_begun = {};
  const std::uint64_t target = random.below(kLatestKill);
  kill_child([&] { record(directory.path()); },
             [&] { return __atomic_load_n(&g_begun->sender, __ATOMIC_RELAXED) >= target; });
  const std::string recording = directory.only_entry();
  check_log(recording + "/r0", g_begun->receiver);
  check_log(recording + "/r1", g_begun->sender);
}

}  // namespace

int main() {
  g_begun = static_cast<Begun*>(mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  CHECK(g_begun != MAP_FAILED);
  RandomNumbers random(random_seed());
  const std::uint64_t kills = repetitions("AFTERIMAGE_KILLS", 40);
  for (std::uint64_t kill = 0; kill < kills; ++kill) kill_once(random);
  std::printf("%llu kills: no event lost, none unreadable\n", static_cast<unsigned long long>(kills));
}
