// What comes between two events is logged before the second one, wherever a segment happens to end.
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "afterimage/recorder.h"
#include "check.h"
#include "replay/event_source.h"
#include "temporary_directory.h"

using namespace afterimage;
using replay::EventSource;
using replay::LogMessage;

namespace {

struct Lender {
  std::vector<void*> lent;
  void react(const int& blocks) {
    for (int i = 0; i < blocks; ++i) lent.push_back(std::malloc(24));
  }
  void react(const long&) { lent.clear(); }
};

// The blocks are freed by somebody who is not in the reactor: of each event, all but one of the one before.
void inputs_larger_than_a_segment_have_one_of_their_own() {
  constexpr int kEvents = 600, kBlocks = 7;
  const TemporaryDirectory directory("between");
  std::string path;
  std::vector<std::uint64_t> freed;
  {
    Recorder recorder = Recorder::open({.directory = directory.path(), .segment_bytes = 4096, .snapshot_log_bytes = 0});
    path = recorder.path();
    auto lender = recorder.create<Lender>("lender");
    for (int event = 0; event < kEvents; ++event) {
      const int blocks = event % 100 == 50 ? 2000 : kBlocks + event % 13;
      lender.deliver(blocks);
      std::vector<void*> lent = lender->lent;
      lender.deliver(1L);
      for (void* block : lent) {
        if (event + 1 < kEvents) freed.push_back(reinterpret_cast<std::uintptr_t>(block));  // no event follows the last ones
        std::free(block);
      }
    }
    CHECK(recorder.status().ok());
  }
  EventSource source;
  CHECK(source.open(path + "/r0").ok());
  std::uint64_t events = 0;
  std::vector<std::uint64_t> logged;
  while (const auto message = source.next()) {
    if (message->kind == LogMessage::Kind::event) ++events;
    if (message->kind != LogMessage::Kind::input) continue;
    CHECK_EQUAL(message->event, events);  // before the next one
    const std::size_t count = message->input_value().size() / sizeof(std::uint64_t);
    CHECK(count > 0 && count <= 1024);
    logged.resize(logged.size() + count);
    std::memcpy(&logged[logged.size() - count], message->input_value().data(), count * sizeof(std::uint64_t));
  }
  CHECK_EQUAL(events, std::uint64_t{2 * kEvents});
  CHECK(logged == freed);  // oldest first
  // And from any event on.
  for (std::uint64_t position = 0; position < events; position += 7) {
    source.seek(position);
    std::uint64_t left = 0;
    while (const auto message = source.next()) left += message->kind == LogMessage::Kind::event;
    CHECK_EQUAL(left, events - position);
  }
}

// A replay that goes on from a snapshot would do again what is logged behind it.
void what_a_snapshot_has_is_not_logged_behind_it() {
  const TemporaryDirectory directory("between");
  std::string path;
  {
    Recorder recorder = Recorder::open({.directory = directory.path(), .snapshot_log_bytes = 0});
    path = recorder.path();
    auto lender = recorder.create<Lender>("lender");
    lender.deliver(3);
    std::free(lender->lent[0]);
    try {  // where an event is made, what comes before it has been done; and nobody gets this one
      lender.deliver_made([]() -> long { throw std::vector<int>(100); });
    } catch (const std::vector<int>&) {
    }
    lender.deliver(1);
    std::free(lender->lent[1]);
    Bytes saved;
    CHECK(lender.save(saved).ok());
    lender.enter([](Lender& object) { object.lent.reserve(100); });
    lender.deliver(1);
  }
  EventSource source;
  CHECK(source.open(path + "/r0").ok());
  std::uint64_t frees = 0;
  while (const auto message = source.next())
    if (message->is_input(format::InputKind::foreign_frees)) ++frees;
  CHECK(std::filesystem::exists(path + "/r0/snap-000000000001.core"));
  CHECK(std::filesystem::exists(path + "/r0/snap-000000000002.core"));
  CHECK_EQUAL(frees, 1u);  // of the exception, behind the first snapshot
}

}  // namespace

int main() {
  what_a_snapshot_has_is_not_logged_behind_it();
  inputs_larger_than_a_segment_have_one_of_their_own();
}
