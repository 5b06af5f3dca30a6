// A reactor whose constructor throws leaves nothing behind: neither its heap, once what it threw is gone, nor its number.
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "afterimage/afterimage.h"
#include "afterimage/recorder.h"
#include "check.h"
#include "format/control.h"
#include "heap/slots.h"
#include "temporary_directory.h"

using namespace afterimage;

namespace {

constexpr std::uint64_t kMoreThanNumbers = format::kReactorSlots + 1000;

std::string text_of(std::uint64_t number) { return "a text too long to be kept inside of the exception, and number " + std::to_string(number); }

struct Picky {
  std::string own;
  Picky(std::uint64_t number, std::size_t leaked, bool throws) : own(text_of(number)) {
    if (leaked > 0) std::malloc(leaked);
    if (throws) throw std::runtime_error(text_of(number));
  }
  void react(const int&) { own += '.'; }
};

Reactor<Picky> create(Recorder& recorder) { return recorder.create<Picky>("picky", 0u, 0u, false); }

std::exception_ptr thrown_by(Recorder& recorder, std::uint64_t number, std::size_t leaked = 0) {
  try {
    recorder.create<Picky>("picky", number, leaked, true);
  } catch (const std::runtime_error& error) {
    CHECK(error.what() == text_of(number));
    return std::current_exception();
  }
  CHECK(false);
}

bool has_text(const std::exception_ptr& thrown, std::uint64_t number) {
  try {
    std::rethrow_exception(thrown);
  } catch (const std::runtime_error& error) {
    return error.what() == text_of(number);
  }
}

// Slots with anything mapped: of reactors that live, or have left something behind.
std::size_t heaps() {
  std::ifstream maps("/proc/self/maps");
  std::set<std::uintptr_t> slots;
  for (std::string line; std::getline(maps, line);) {
    const std::uintptr_t begin = std::stoull(line, nullptr, 16);
    if (in_zones(reinterpret_cast<void*>(begin))) slots.insert(begin / slot_bytes_at(begin) * slot_bytes_at(begin));
  }
  return slots.size();
}

bool is_recorded(Recorder& recorder, std::uint32_t number, const char* file) {
  auto picky = create(recorder);
  picky.deliver(1);
  CHECK_EQUAL(picky.ref().id(), number);
  return recorder.status().ok() && std::filesystem::exists(recorder.path() + "/r" + std::to_string(number) + file);
}

void numbers_are_used_again(bool genesis, std::uint64_t rounds) {
  const TemporaryDirectory directory("throwing-constructor");
  auto recorder = Recorder::open({.directory = directory.path(), .genesis = genesis});
  const auto first = create(recorder);
  for (std::uint64_t i = 0; i < rounds; ++i) (void)thrown_by(recorder, i);
  CHECK(!std::filesystem::exists(recorder.path() + "/r1"));
  CHECK(is_recorded(recorder, 1, genesis ? "/genesis/ev-00000001.mcap" : "/ev-00000001.mcap"));
  CHECK(heaps() <= 3);
}

// However many there are, and whoever lets go of them.
void what_was_thrown_lives_on() {
  const TemporaryDirectory directory("throwing-constructor");
  auto recorder = Recorder::open({.directory = directory.path()});
  const std::size_t before = heaps();
  std::vector<std::exception_ptr> thrown;
  for (std::uint64_t i = 0; i < 300; ++i) thrown.push_back(thrown_by(recorder, i));
  for (std::uint64_t i = 0; i < 300; ++i) CHECK(has_text(thrown[i], i));
  for (std::uint64_t i = 0; i < 300; i += 2) thrown[i] = nullptr;
  std::thread([&] { thrown.erase(thrown.begin(), thrown.begin() + 100); }).join();
  for (std::uint64_t i = 101; i < 300; i += 2) CHECK(has_text(thrown[i - 100], i));
  thrown.clear();
  (void)thrown_by(recorder, 0);
  (void)thrown_by(recorder, 0);
  CHECK(heaps() <= before + 1);
}

// More than is kept of a reactor that ends.
void of_a_vast_heap_too() {
  const TemporaryDirectory directory("throwing-constructor");
  auto recorder = Recorder::open({.directory = directory.path()});
  const std::exception_ptr thrown = thrown_by(recorder, 1, std::size_t{3} << 30);
  CHECK(has_text(thrown, 1));
}

void on_several_threads() {
  const TemporaryDirectory directory("throwing-constructor");
  auto recorder = Recorder::open({.directory = directory.path()});
  const std::size_t before = heaps();
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (std::uint64_t number = 0; number < 300; ++number) (void)thrown_by(recorder, number);
    });
  for (std::thread& thread : threads) thread.join();
  (void)thrown_by(recorder, 0);
  CHECK(heaps() <= before + 1);
  CHECK(create(recorder).ref().id() < 4);
}

void null_from_c() {
  const TemporaryDirectory directory("throwing-constructor");
  afterimage_options options = afterimage_default_options();
  options.directory = directory.path().c_str();
  afterimage_recorder* recorder = nullptr;
  CHECK_EQUAL(afterimage_open(&options, &recorder), AFTERIMAGE_OK);
  const afterimage_reactor_type nothing{.create = [](void*) -> void* { return nullptr; }, .react = [](void*, const void*, size_t) {}, .destroy = nullptr};
  const afterimage_reactor_type something{.create = [](void*) { return std::malloc(1); }, .react = nothing.react, .destroy = std::free};
  afterimage_reactor reactor{};
  for (std::uint64_t i = 0; i < kMoreThanNumbers; ++i)
    CHECK_EQUAL(afterimage_create(recorder, "nothing", &nothing, nullptr, &reactor), AFTERIMAGE_CREATE_FAILED);
  CHECK_EQUAL(afterimage_create(recorder, "something", &something, nullptr, &reactor), AFTERIMAGE_OK);
  CHECK_EQUAL(reactor.id, 0u);
  CHECK_EQUAL(afterimage_status(recorder), AFTERIMAGE_OK);
  afterimage_destroy(reactor);
  afterimage_close(recorder);
}

}  // namespace

int main() {
  numbers_are_used_again(/*genesis=*/false, kMoreThanNumbers);
  numbers_are_used_again(/*genesis=*/true, 100);
  what_was_thrown_lives_on();
  of_a_vast_heap_too();
  on_several_threads();
  null_from_c();
}
