// What comes between two events is logged before the second one, wherever a segment happens to end.
#include <cstdlib>
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
  {
    Recorder recorder = Recorder::open({.directory = directory.path(), .segment_bytes = 4096, .snapshot_log_bytes = 0});
    path = recorder.path();
    auto lender = recorder.create<Lender>("lender");
    for (int event = 0; event < kEvents; ++event) {
      const int blocks = event % 100 == 50 ? 2000 : kBlocks + event % 13;
      lender.deliver(blocks);
      std::vector<void*> lent = lender->lent;
      lender.deliver(1L);
      for (void* block : lent) std::free(block);
    }
    CHECK(recorder.status().ok());
  }
  EventSource source;
  CHECK(source.open(path + "/r0").ok());
  std::uint64_t events = 0, frees = 0;
  while (const auto message = source.next()) {
    if (message->kind == LogMessage::Kind::event) ++events;
    if (message->kind != LogMessage::Kind::input) continue;
    CHECK_EQUAL(message->event, events);  // before the next one
    frees += message->input_value().size() / sizeof(std::uint64_t);
  }
  CHECK_EQUAL(events, std::uint64_t{2 * kEvents});
  std::uint64_t expected = 0;
  for (int event = 0; event + 1 < kEvents; ++event) expected += static_cast<std::uint64_t>(event % 100 == 50 ? 2000 : kBlocks + event % 13);
  CHECK_EQUAL(frees, expected);
  // And from any event on.
  for (std::uint64_t position = 0; position < events; position += 7) {
    source.seek(position);
    std::uint64_t left = 0;
    while (const auto message = source.next()) left += message->kind == LogMessage::Kind::event;
    CHECK_EQUAL(left, events - position);
  }
}

}  // namespace

int main() {
  inputs_larger_than_a_segment_have_one_of_their_own();
}
