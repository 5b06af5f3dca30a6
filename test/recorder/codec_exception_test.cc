// An event that cannot be encoded: its sender gets the exception, nobody gets the event, and all go on as before.
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "afterimage/recorder.h"
#include "check.h"
#include "heap/slots.h"
#include "replay/event_source.h"

namespace {

struct Letter {
  std::string text;
};

struct Start {};

}  // namespace

template <>
struct afterimage::Codec<Letter> {
  static void encode(const Letter& letter, Bytes& out) {
    if (letter.text.empty()) throw std::invalid_argument("a letter without a word");
    const auto* const bytes = reinterpret_cast<const std::byte*>(letter.text.data());
    out.insert(out.end(), bytes, bytes + letter.text.size());
  }
  static Letter decode(std::span<const std::byte> payload) {
    return {std::string(reinterpret_cast<const char*>(payload.data()), payload.size())};
  }
};

namespace {

struct Reader {
  std::vector<std::string> read;
  void react(const Letter& letter) { read.push_back(letter.text); }
};

struct Writer {
  afterimage::ReactorRef<Reader> reader;
  bool catches;
  std::unique_ptr<int> after;

  void react(const Start&) {
    try {
      reader.deliver(Letter{});
    } catch (const std::invalid_argument&) {
      if (!catches) throw;
    }
    after = std::make_unique<int>(1);
    reader.deliver(Letter{"written"});
  }
};

template <typename F>
bool throws(F&& function) {
  try {
    function();
    return false;
  } catch (const std::invalid_argument&) {
    return true;
  }
}

bool thread_is_outside() { return !afterimage::in_zones(std::make_unique<int>(1).get()); }

std::uint64_t logged_events(const std::string& reactor_directory) {
  afterimage::replay::EventSource source;
  CHECK(source.open(reactor_directory).ok());
  return source.end();
}

}  // namespace

int main() {
  char directory[] = "/tmp/codec-exception-XXXXXX";
  CHECK(mkdtemp(directory) != nullptr);
  auto recorder = afterimage::Recorder::open({.directory = directory, .segment_bytes = 65536});
  CHECK(recorder.status().ok());
  auto reader = recorder.create<Reader>("reader");
  auto careful = recorder.create<Writer>("careful", reader.ref(), true, nullptr);
  auto careless = recorder.create<Writer>("careless", reader.ref(), false, nullptr);

  CHECK(throws([&] { reader.deliver(Letter{}); }));
  CHECK(thread_is_outside());
  CHECK_EQUAL(reader->read.size(), 0u);

  careful.deliver(Start{});
  CHECK(thread_is_outside());
  CHECK(afterimage::in_zones(careful->after.get()));  // the rest of its react() was in its heap again
  CHECK_EQUAL(reader->read.size(), 1u);

  CHECK(throws([&] { careless.deliver(Start{}); }));
  CHECK(thread_is_outside());
  CHECK_EQUAL(reader->read.size(), 1u);
  CHECK(recorder.status().ok());

  reader.deliver(Letter{"the last"});
  CHECK_EQUAL(logged_events(recorder.path() + "/r0"), 2u);
  std::filesystem::remove_all(directory);
}
