// afterimage::input(): one record for each call, whatever fails on the way to its result.
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#include "afterimage/input.h"
#include "afterimage/recorder.h"
#include "check.h"
#include "format/calls.h"
#include "replay/event_source.h"
#include "temporary_directory.h"

using namespace afterimage;

namespace {

constexpr std::size_t kMostBytes = 4096;  // that the reactor's heap gives at once

enum class Question { small, too_large, throws };

struct Reader {
  std::string last;
  int failures = 0;

  void react(const Question& question) {
    try {
      last = input("text", [&] { return answer(question); });
    } catch (const std::bad_alloc&) {
      ++failures;
    } catch (const std::invalid_argument&) {
      ++failures;
    }
  }
  static std::string answer(Question question) {
    if (question == Question::throws) throw std::invalid_argument("no answer");
    return std::string(question == Question::small ? 10 : 2 * kMostBytes, 'x');
  }
};

struct Logged {
  std::size_t bytes;
  bool threw;
  bool operator==(const Logged&) const = default;
};

std::vector<Logged> logged_values(const std::string& reactor_directory) {
  replay::EventSource source;
  CHECK(source.open(reactor_directory).ok());
  std::vector<Logged> values;
  while (const auto message = source.next()) {
    if (!message->is_input(format::InputKind::call)) continue;
    const format::CallRecord call(message->input_value());
    if (call.header.id() != format::CallId::input) continue;
    values.push_back({call.bytes.size(), (call.header.flags & format::kCallThrew) != 0});
  }
  return values;
}

// The function has answered; it is the copy in the reactor's heap that there is no memory for, in the replay, too.
void an_answer_that_finds_no_memory_is_logged_once() {
  const TemporaryDirectory directory("input-value");
  std::string path;
  {
    auto recorder = Recorder::open({.directory = directory.path(), .fail_allocations = {.above_bytes = kMostBytes}});
    path = recorder.path();
    auto reader = recorder.create<Reader>("reader");
    for (const Question question : {Question::small, Question::too_large, Question::throws, Question::small}) reader.deliver(question);
    CHECK_EQUAL(reader->failures, 2);
    CHECK(recorder.status().ok());
  }
  const std::vector<Logged> expected{{10, false}, {2 * kMostBytes, false}, {0, true}, {10, false}};
  CHECK(logged_values(path + "/r0") == expected);
}

}  // namespace

int main() { an_answer_that_finds_no_memory_is_logged_once(); }
