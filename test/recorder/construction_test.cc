// What a constructor is given is logged, and given again: every kind of argument, in value and lifetime.
#include <afterimage/recorder.h>

#include <cmath>
#include <memory>
#include <string>

#include "check.h"

using namespace afterimage;
using namespace afterimage::detail;

namespace {

struct Point {
  std::int32_t x;
  double y;
  bool operator==(const Point&) const = default;
};

struct Label {  // owns memory, so it needs a codec
  std::string text;
};

struct Other {
  void react(int) {}
};

// Keeps everything by the way it was given, references too.
struct Everything {
  Everything(int number, const char* literal, std::string_view view, std::string& text, const std::vector<double>& values, Point point,
             const Label& label, ReactorRef<Other> other, const char* nothing)
      : number(number), literal(literal), view(view), text(text), values(values), point(point), label(label), other(other),
        nothing(nothing) {}
  int number;
  const char* literal;
  std::string_view view;
  std::string& text;
  const std::vector<double>& values;
  Point point;
  const Label& label;
  ReactorRef<Other> other;
  const char* nothing;
};

struct OneNumber {
  explicit OneNumber(std::int64_t number) : number(number) {}
  std::int64_t number;
};

}  // namespace

template <>
struct afterimage::Codec<Label> {
  static void encode(const Label& label, Bytes& out) { append_bytes(out, label.text.data(), label.text.size()); }
  static Label decode(std::span<const std::byte> payload) {
    return {std::string(reinterpret_cast<const char*>(payload.data()), payload.size())};
  }
};

namespace {

template <typename... Args>
Bytes logged(const Args&... args) {
  Bytes payload;
  (encode_argument<std::decay_t<Args>>(args, payload), ...);
  return payload;
}

void every_argument_comes_back() {
  std::unique_ptr<Everything> made;
  {
    std::string text = "a string that is too long to be stored in place";
    const std::vector<double> values{1.5, -0.0, HUGE_VAL};
    const Label label{"label"};
    const char* const nothing = nullptr;
    const Bytes payload = logged(7, static_cast<const char*>("literal"), std::string_view("a view"), text, values, Point{3, 0.25}, label,
                                 ReactorRef<Other>(nullptr, 42), nothing);
    Constructed constructed;
    construct_thunk<Everything, int, const char(&)[8], std::string_view, std::string&, const std::vector<double>&, Point, const Label&,
                    ReactorRef<Other>, const char*>(&constructed, payload.data(), payload.size());
    CHECK(constructed.wrong_argument == 0);
    made.reset(static_cast<Everything*>(constructed.object));
  }
  CHECK(made->number == 7 && made->point == (Point{3, 0.25}));
  CHECK(std::string(made->literal) == "literal" && made->view == "a view" && made->nothing == nullptr);
  CHECK(made->text == "a string that is too long to be stored in place" && made->label.text == "label");
  CHECK(made->values.size() == 3 && std::signbit(made->values[1]) && std::isinf(made->values[2]));
  CHECK(made->other.id() == 42);
}

void another_size_is_noticed() {
  const Bytes payload = logged(std::int32_t{5});
  Constructed constructed;
  construct_thunk<OneNumber, std::int64_t>(&constructed, payload.data(), payload.size());
  CHECK(constructed.object == nullptr && constructed.wrong_argument == 1);
  Constructed from_nothing;
  construct_thunk<OneNumber, std::int64_t>(&from_nothing, payload.data(), 2);
  CHECK(from_nothing.object == nullptr && from_nothing.wrong_argument == 1);
}

struct Undefined;
class Service {
 public:
  virtual ~Service() = default;
  virtual void serve() = 0;
};
struct Client {
  Client(Service&, Undefined&) {}
  void react(int) {}
};

// Never called: it compiles.
[[maybe_unused]] void what_cannot_be_logged_can_be_recorded(Recorder& recorder, Service& service, Undefined& undefined) {
  recorder.create<Client>("client", service, undefined);
}

// What cannot be logged is known when compiling.
static_assert(!Argument<int*>::can_be_logged && !Argument<std::unique_ptr<int>>::can_be_logged);
static_assert(!Argument<std::reference_wrapper<int>>::can_be_logged && !Argument<std::span<const int>>::can_be_logged);
static_assert(!Argument<std::vector<std::string>>::can_be_logged && !Argument<std::vector<bool>>::can_be_logged);
static_assert(Argument<std::vector<Point>>::can_be_logged && Argument<std::string>::can_be_logged);

}  // namespace

int main() {
  every_argument_comes_back();
  another_size_is_noticed();
}
