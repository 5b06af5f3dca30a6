// Event segments: whatever is in them, the log ends somewhere and stays ended, every message lies inside its file, and looking
// ahead changes nothing.
// The input is one segment; or two, with kNextFile between them.
#include <algorithm>
#include <iterator>
#include <vector>

#include "format/mcap.h"
#include "fuzz/check.h"
#include "fuzz/scratch_file.h"
#include "replay/event_source.h"

namespace {

using afterimage::format::Opcode;
using afterimage::format::Reader;
using afterimage::replay::EventSource;
using afterimage::replay::LogMessage;

constexpr std::uint8_t kNextFile[] = {'N', 'E', 'X', 'T', 'F', 'I', 'L', 'E'};
constexpr std::uint64_t kMessagesMost = 1 << 20;

// Over a copy without a byte to spare: reading past its end is noticed.
void walk_records(std::span<const std::uint8_t> input) {
  const std::vector<std::uint8_t> copy(input.begin(), input.end());
  Reader reader(std::as_bytes(std::span(copy)));
  std::size_t last = 0;
  while (const auto record = reader.next()) {
    FUZZ_CHECK(reader.offset() > last);
    last = reader.offset();
    unsigned sum = 0;
    for (const std::byte byte : record->content) sum += std::to_integer<unsigned>(byte);
    FUZZ_CHECK(sum <= 255u * record->content.size());
  }
}

std::uint64_t look_at(const LogMessage& message) {
  FUZZ_CHECK((message.kind == LogMessage::Kind::event) == (message.channel != nullptr));
  std::uint64_t sum = message.input_header().bytes + message.input_value().size();
  for (const std::byte byte : message.data) sum += std::to_integer<unsigned>(byte);
  return sum;
}

std::uint64_t read_from(EventSource& source, std::uint64_t position) {
  source.seek(position);
  std::uint64_t messages = 0, sum = 0;
  while (messages < kMessagesMost) {
    const bool more = source.peek() != nullptr;
    const LogMessage ahead = more ? *source.peek() : LogMessage{};
    if (messages % 64 == 0) source.ends_in_this_event(), source.peek_inputs();
    const auto message = source.next();
    FUZZ_CHECK(more == message.has_value());
    if (!message) break;
    FUZZ_CHECK(ahead.event == message->event && ahead.data.data() == message->data.data());
    sum += look_at(*message);
    ++messages;
  }
  return sum;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const afterimage::fuzz::ScratchDirectory scratch;
  const std::span input(data, size);
  walk_records(input);

  const auto second = std::search(input.begin(), input.end(), std::begin(kNextFile), std::end(kNextFile));
  const auto bytes_of_first = static_cast<std::size_t>(second - input.begin());
  scratch.write("ev-00000001.mcap", input.first(bytes_of_first));
  scratch.write("ev-00000002.mcap", input.subspan(std::min(size, bytes_of_first + std::size(kNextFile))));
  EventSource source;
  if (!source.open(scratch.path())) return 0;
  const std::uint64_t all = read_from(source, source.first());
  FUZZ_CHECK(read_from(source, source.first()) == all);
  const std::uint64_t extent = source.end() - source.first();
  const std::uint64_t positions[] = {source.first() + extent / 2, source.end(), 0, ~std::uint64_t{0}};
  for (const std::uint64_t position : positions) read_from(source, position);
  source.leave_out_last_words();
  read_from(source, source.first());
  return 0;
}
