// The vectors in fixtures/recordings, read by the C++ reader: the same lines as from the TypeScript reader, which wrote the
// .txt files (test/support/recording-lines.ts). The lines end where a log has its first hole: nothing behind it is replayed.
// From every event on, a log reads as it does from its beginning.
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "check.h"
#include "format/control.h"
#include "format/core_file.h"
#include "format/made.h"
#include "format/sent.h"
#include "replay/event_source.h"

namespace {

namespace fs = std::filesystem;
using afterimage::format::CoreFile;
using afterimage::format::Done;
using afterimage::format::InputHeader;
using afterimage::format::InputKind;
using afterimage::format::Sender;
using afterimage::format::SentRecord;
using afterimage::format::StateDigests;
using afterimage::replay::EventSource;
using afterimage::replay::LogMessage;

std::string hex(std::uint64_t value) {
  std::ostringstream text;
  text << std::hex << value;
  return text.str();
}

std::string hex_bytes(std::span<const std::byte> bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const std::byte byte : bytes) {
    text += kDigits[std::to_integer<unsigned>(byte) >> 4];
    text += kDigits[std::to_integer<unsigned>(byte) & 15];
  }
  return text.empty() ? "-" : text;
}

template <typename T>
T read(std::span<const std::byte> data, std::size_t offset = 0) {
  T value;
  CHECK(offset + sizeof value <= data.size());
  std::memcpy(&value, data.data() + offset, sizeof value);
  return value;
}

// One event with what belongs to it, which the log has in several messages.
struct Event {
  std::string type_and_payload, type;
  std::string frees, done = "-", thread, from, to;
};

void add_sent(std::string& to, const LogMessage& message) {
  const SentRecord sent(message.input_value());
  to += " to " + std::to_string(sent.header.reactor) + ',' + std::string(sent.type) + ',' + hex_bytes(sent.kept);
}

void add_sender(std::string& from, const LogMessage& message) {
  const auto sender = read<Sender>(message.input_value());
  from = " from " + std::to_string(sender.reactor) + ',' + std::to_string(sender.event) + ',' + std::to_string(sender.message);
}

void add_frees(std::string& frees, std::span<const std::byte> data) {
  const auto header = read<InputHeader>(data);
  if (header.kind != static_cast<std::uint16_t>(InputKind::foreign_frees)) return;
  for (std::size_t at = sizeof header; at + 8 <= sizeof header + header.bytes; at += 8) {
    if (!frees.empty()) frees += ',';
    frees += hex(read<std::uint64_t>(data, at));
  }
}

std::string digests_words(std::span<const std::byte> data) {
  if (data.size() < sizeof(Done) + sizeof(StateDigests)) return "";
  const auto digests = read<StateDigests>(data, sizeof(Done));
  return ',' + hex(digests.heap) + ',' + hex(digests.variables);
}

std::string done_words(std::span<const std::byte> data) {
  const auto done = read<Done>(data);
  return std::to_string(done.duration_ns) + ((done.flags & afterimage::format::kThrew) != 0 ? ",threw," : ",returned,") +
         hex(done.allocation_fingerprint) + ',' + hex(done.outbound_hash) + digests_words(data);
}

// " thread MXCSR X87 MODULE:BYTES,..." of a thread state.
std::string thread_words(std::span<const std::byte> state) {
  std::string blocks;
  std::size_t at = 16;
  for (std::uint32_t i = 0; i < read<std::uint32_t>(state, 12); ++i) {
    const auto bytes = read<std::uint64_t>(state, at + 8);
    blocks += (blocks.empty() ? "" : ",") + hex(read<std::uint64_t>(state, at)) + ':' + std::to_string(bytes);
    at += 16 + (bytes + 7) / 8 * 8;
  }
  return " thread " + hex(read<std::uint32_t>(state, 4)) + ' ' + hex(read<std::uint16_t>(state, 8)) + ' ' + (blocks.empty() ? "-" : blocks);
}

void add_input(Event& event, const LogMessage& message) {
  add_frees(event.frees, message.data);
  if (message.input_header().kind == static_cast<std::uint16_t>(InputKind::thread_state)) event.thread = thread_words(message.input_value());
}

std::string made_words(const LogMessage& message) {
  const auto made = message.channel->codec == "made" ? afterimage::format::read_made(message.data) : std::nullopt;
  if (!made) return {};
  std::string words = " made " + hex(made->event);
  for (const auto& [operation, contents] : made->operations)
    if (operation.has_contents != 0) words += ',' + hex(operation.address) + ':' + std::to_string(contents.size());
  return words;
}

void take(std::map<std::uint64_t, Event>& events, std::set<std::uint64_t>& begun, const LogMessage& message) {
  Event& event = events[message.event];
  switch (message.kind) {
    case LogMessage::Kind::event:
      begun.insert(message.event);
      event.type = message.channel->type + made_words(message);
      event.type_and_payload = message.channel->codec + ' ' + hex(message.channel->thunk) + ' ' + hex_bytes(message.data);
      return;
    case LogMessage::Kind::input:
      if (!begun.contains(message.event)) add_input(event, message);
      if (message.input_header().kind == static_cast<std::uint16_t>(InputKind::sender)) add_sender(event.from, message);
      if (message.input_header().kind == static_cast<std::uint16_t>(InputKind::sent)) add_sent(event.to, message);
      return;
    case LogMessage::Kind::done: event.done = done_words(message.data); return;
    case LogMessage::Kind::gap: return;
  }
}

std::string event_lines(const std::string& reactor, EventSource& source) {
  std::map<std::uint64_t, Event> events;
  std::set<std::uint64_t> begun;
  while (const auto message = source.next()) take(events, begun, *message);
  std::string lines;
  for (std::uint64_t number = source.first(); begun.contains(number); ++number) {
    const Event& event = events[number];
    if (!event.thread.empty()) lines += reactor + event.thread + '\n';
    lines += reactor + " event " + std::to_string(number) + ' ' + (event.frees.empty() ? "-" : event.frees) + ' ' +
             event.type_and_payload + ' ' + event.done + ' ' + event.type + event.from + event.to + '\n';
  }
  for (std::uint64_t number = source.first(); begun.contains(number); ++number)
    if (source.is_unfinished(number)) lines += reactor + " unfinished " + std::to_string(number) + '\n';
  return lines;
}

bool same(const LogMessage& a, const LogMessage& b) { return a.kind == b.kind && a.event == b.event && a.data.data() == b.data.data(); }

std::vector<LogMessage> messages_from(std::uint64_t position, EventSource& source) {
  source.seek(position);
  std::vector<LogMessage> messages;
  while (const auto message = source.next()) messages.push_back(*message);
  return messages;
}

void check_seeks(EventSource& source) {
  const std::vector<LogMessage> all = messages_from(source.first(), source);
  auto from = all.begin();
  for (const LogMessage& last : all) {
    if (last.kind != LogMessage::Kind::event) continue;
    const std::uint64_t position = last.event;
    while (from->event < position || from->kind == LogMessage::Kind::done) ++from;
    CHECK(std::ranges::equal(messages_from(position, source), std::span(from, all.end()), same));
  }
}

std::vector<fs::path> sorted_entries(const fs::path& directory) {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::directory_iterator(directory)) paths.push_back(entry.path());
  std::ranges::sort(paths);
  return paths;
}

std::uint64_t first_word(const CoreFile& core) {
  std::uint64_t word = 0;
  CHECK(pread(core.descriptor(), &word, sizeof word, static_cast<off_t>(core.loads().front().file_offset)) == sizeof word);
  return word;
}

std::string snapshot_lines(const std::string& reactor, const fs::path& directory) {
  std::string lines;
  for (const fs::path& path : sorted_entries(directory)) {
    if (path.extension() != ".core" && (path.extension() != ".zst" || fs::exists(fs::path(path).replace_extension()))) continue;
    CoreFile core;
    if (!core.open(path)) continue;
    CHECK(core.bring_content().ok());
    CHECK_EQUAL(first_word(core), 0xa1a1a1a1a1a1a1a1u);
    const auto& note = core.note();
    lines += reactor + " snapshot " + std::to_string(note.position) + ' ' + std::to_string(note.parent) +
             (note.kind == 1 ? " full " : " delta ") + std::to_string(core.loads().size());
    if (!core.thread_state().empty()) lines += thread_words(core.thread_state());
    for (const char* name = core.locale().c_str(); name != core.locale().data() + core.locale().size(); name += std::strlen(name) + 1)
      lines += std::string(" ") + name;
    lines += '\n';
  }
  return lines;
}

std::string recording_lines(const fs::path& directory) {
  std::string lines;
  for (const fs::path& path : sorted_entries(directory)) {
    if (!fs::is_directory(path)) continue;
    const std::string reactor = path.filename();
    EventSource source;
    const auto id = static_cast<std::uint32_t>(std::stoul(reactor.substr(1)));
    const afterimage::Status status = source.open(path, afterimage::format::read_reactor_slot(directory / "control", id).finished);
    if (!status) std::fprintf(stderr, "%s\n", status.message().c_str());
    CHECK(status.ok());
    lines += reactor + " first " + std::to_string(source.first()) + '\n';
    lines += snapshot_lines(reactor, path);
    lines += event_lines(reactor, source);
    check_seeks(source);
  }
  return lines;
}

std::string file_text(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

}  // namespace

int main() {
  int vectors = 0, different = 0;
  for (const fs::path& directory : sorted_entries(AFTERIMAGE_VECTORS)) {
    if (directory.extension() != ".afterimage") continue;
    ++vectors;
    const std::string expected = file_text(fs::path(directory).replace_extension(".txt"));
    const std::string found = recording_lines(directory);
    if (found == expected) continue;
    ++different;
    std::fprintf(stderr, "%s: expected\n%s\nbut found\n%s\n", directory.filename().c_str(), expected.c_str(), found.c_str());
  }
  CHECK(vectors > 10);
  CHECK_EQUAL(different, 0);
}
