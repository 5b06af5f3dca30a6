// What cannot be restored is refused, each with its sentence: other types, builds, addresses, and all that is damaged.
//
// AFTERIMAGE_SAVED_MUTATIONS: how many times a saved reactor is damaged at random (default: 3000).
#include <cstring>
#include <optional>
#include <thread>

#include "afterimage/recorder.h"
#include "check.h"
#include "format/crc32.h"
#include "format/saved_reactor.h"
#include "kills.h"
#include "ledger.h"

namespace {

using namespace afterimage;

struct Other {
  void react(const Booking&) {}
};

Recorder unrecorded() { return Recorder::open({.directory = ""}); }

Bytes saved_ledger(Recorder& recorder, std::uint64_t events = 100) {
  Bytes saved;
  auto ledger = recorder.create<Ledger>("ledger");
  for (std::uint64_t event = 0; event < events; ++event) ledger.deliver(booking(event));
  CHECK(ledger.save(saved).ok());
  return saved;
}

template <typename T = Ledger>
void check_refused(Recorder& recorder, const Bytes& saved, const char* said) {
  Status why_not;
  CHECK(!recorder.restore<T>("ledger", saved, why_not).has_value());
  if (why_not.message().find(said) == std::string::npos) std::fprintf(stderr, "it says: %s\n", why_not.message().c_str());
  CHECK(!why_not.ok() && why_not.message().find(said) != std::string::npos);
}

format::SavedReactor read(const Bytes& saved) {
  format::SavedReactor reactor;
  CHECK(format::read_saved_reactor(saved, reactor).ok());
  return reactor;
}

// The same reactor with a head that says something else.
Bytes with_head(const Bytes& saved, const format::SavedHead& head, std::string_view type, std::span<const std::byte> modules) {
  const format::SavedReactor reactor = read(saved);
  Bytes changed(format::saved_head_bytes(type, modules));
  changed.insert(changed.end(), reactor.runs.begin(), reactor.runs.end());
  format::write_saved_head(changed, head, type, modules);
  return changed;
}

// `change`: of the first module, which is the executable, as the process that saved had it.
template <typename Change>
Bytes with_executable(const Bytes& saved, Change change) {
  const format::SavedReactor reactor = read(saved);
  std::span<const std::byte> left = reactor.modules;
  format::ModuleInSaved module;
  Bytes modules;
  for (bool is_executable = true; format::next_module(left, module); is_executable = false) {
    if (is_executable) change(module);
    format::append_module(modules, module);
  }
  return with_head(saved, reactor.head, reactor.type, modules);
}

void test_other_executables() {
  Recorder recorder = unrecorded();
  const Bytes saved = saved_ledger(recorder);
  check_refused(recorder, with_executable(saved, [](auto& exe) { exe.base += 4096; }), "setarch -R");
  check_refused(recorder, with_executable(saved, [](auto& exe) { exe.build_id = "0123456789abcdef"; }), "another build (");
  check_refused(recorder, with_executable(saved, [](auto& exe) { exe.build_id = ""; }), "no build-id");
  check_refused(recorder,
                with_executable(saved,
                                [](auto& exe) {
                                  exe.build_id = "0123456789abcdef";
                                  exe.path = "/usr/bin/unheard-of";
                                }),
                "unheard-of, build 0123456789abcdef, was part of the program");
  check_refused<Other>(recorder, saved, "is a Ledger, and not a ");
}

void test_taken_slot() {
  Recorder recorder = unrecorded();
  Bytes saved;
  auto ledger = recorder.create<Ledger>("ledger");
  CHECK(ledger.save(saved).ok());
  check_refused(recorder, saved, "another reactor lives there");
  format::SavedHead head = read(saved).head;
  head.slot_base = 0x1234'5000;
  check_refused(recorder, with_head(saved, head, read(saved).type, read(saved).modules), "where this library has none");
}

void test_damage() {
  Recorder recorder = unrecorded();
  const Bytes saved = saved_ledger(recorder);
  check_refused(recorder, {}, "these 0 bytes are not a saved reactor");
  check_refused(recorder, Bytes(1000, std::byte{'x'}), "are not a saved reactor");
  check_refused(recorder, Bytes(saved.begin(), saved.end() - 1), "is damaged: of");
  Bytes changed = saved;
  changed[16] = std::byte{2};
  check_refused(recorder, changed, "has version 2, this library reads 1");
  changed = saved;
  changed.back() ^= std::byte{1};
  check_refused(recorder, changed, "its memory has another checksum");
  changed = saved;
  changed[70] ^= std::byte{1};
  check_refused(recorder, changed, "its checksum is another one");
  Status why_not;
  CHECK(recorder.restore<Ledger>("ledger", saved, why_not).has_value() && why_not.ok());
}

void flip_bits(Bytes& bytes, RandomNumbers& random) {
  for (std::uint64_t flips = 1 + random.below(4); flips > 0; --flips) {
    const std::uint64_t bit = random.below(bytes.size() * 8);
    bytes[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
  }
}

// With right checksums, but runs that lie elsewhere: nobody may crash over them before the reactor is asked for something.
Bytes with_other_runs(const Bytes& saved, RandomNumbers& random) {
  const format::SavedReactor reactor = read(saved);
  std::span<const std::byte> left = reactor.runs, data;
  Bytes runs;
  for (format::SavedRun run; format::next_run(left, reactor.head.slot_bytes, run, data);) {
    if (random.below(4) == 0) run.offset ^= std::uint64_t{1} << random.below(40);
    if (random.below(16) == 0) run.bytes ^= std::uint64_t{1} << random.below(40);
    const auto* const head = reinterpret_cast<const std::byte*>(&run);
    runs.insert(runs.end(), head, head + sizeof run);
    runs.insert(runs.end(), data.begin(), data.end());
  }
  format::SavedHead head = reactor.head;
  head.runs_crc = format::crc32(runs);
  Bytes changed(format::saved_head_bytes(reactor.type, reactor.modules));
  changed.insert(changed.end(), runs.begin(), runs.end());
  format::write_saved_head(changed, head, reactor.type, reactor.modules);
  return changed;
}

void test_mutations(std::uint64_t count) {
  Recorder recorder = unrecorded();
  const Bytes saved = saved_ledger(recorder);
  RandomNumbers random(random_seed());
  for (std::uint64_t i = 0; i < count; ++i) {
    Bytes changed = saved;
    if (i % 3 == 0) changed.resize(random.below(saved.size()));
    else flip_bits(changed, random);
    Status why_not;
    CHECK(!recorder.restore<Ledger>("ledger", changed, why_not).has_value());
    CHECK(!why_not.ok() && why_not.message().ends_with("."));
  }
  for (std::uint64_t i = 0; i < count / 10; ++i) {
    Status why_not;
    auto ledger = recorder.restore<Ledger>("ledger", with_other_runs(saved, random), why_not);
    // Memory that makes sense to the heap may not make any to the reactor: it is not destroyed, but lost.
    if (ledger) Heap::destroy(heap_of(&**new Reactor<Ledger>(std::move(*ledger))));
  }
}

struct Restorer {
  static inline Recorder* recorder = nullptr;
  static inline Bytes* saved = nullptr;
  static inline std::string said;

  void react(const Booking&) {
    Status why_not;
    CHECK(!recorder->restore<Ledger>("inside", *saved, why_not).has_value());
    const OutsideScope outside;
    said = why_not.message();
  }
};

void test_inside_of_react() {
  Recorder recorder = unrecorded();
  Bytes saved = saved_ledger(recorder);
  Restorer::recorder = &recorder;
  Restorer::saved = &saved;
  auto restorer = recorder.create<Restorer>("restorer");
  restorer.deliver(booking(1));
  CHECK(Restorer::said.starts_with("inside of react()"));
}

// How it was set up is part of a heap.
void test_settings_stay() {
  Bytes saved;
  Recorder limited = Recorder::open({.directory = "", .heap_limit_bytes = 8 << 20, .memory = Memory::kinda_safe});
  const HeapStatistics before = [&] {
    auto ledger = limited.create<Ledger>("ledger");
    for (std::uint64_t event = 0; event < 50; ++event) ledger.deliver(booking(event));
    CHECK(ledger.save(saved).ok());
    return ledger.memory();
  }();
  Recorder recorder = unrecorded();
  Status why_not;
  auto ledger = recorder.restore<Ledger>("ledger", saved, why_not);
  CHECK(ledger.has_value());
  CHECK_EQUAL(ledger->memory().limit_bytes, before.limit_bytes);
  CHECK_EQUAL(ledger->memory().live_bytes, before.live_bytes);
  CHECK(heap_of(&**ledger)->keeps_ids());
}

struct Holder {
  std::vector<std::string*> texts;
  void react(const Booking& booking) { texts.push_back(new std::string(100, static_cast<char>('a' + booking.number % 26))); }
};

// Another thread has freed something, and no event has come since.
void test_foreign_frees_are_saved() {
  Recorder recorder = unrecorded();
  Bytes saved;
  std::uint64_t live_blocks = 0;
  {
    auto holder = recorder.create<Holder>("holder");
    for (std::uint64_t i = 0; i < 10; ++i) holder.deliver(booking(i));
    live_blocks = holder.memory().live_blocks;
    std::thread([&] { delete holder->texts[3]; }).join();
    CHECK(holder.save(saved).ok());
  }
  Status why_not;
  auto holder = recorder.restore<Holder>("holder", saved, why_not);
  CHECK(holder.has_value());
  CHECK_EQUAL(holder->memory().live_blocks, live_blocks - 2);  // the text and what it holds
}

struct Bulk {
  std::vector<std::vector<char>> blocks;
  void react(const Booking& booking) {
    if (booking.number == 0) blocks.clear();
    else blocks.emplace_back(std::size_t{1} << (10 + booking.number % 10), static_cast<char>('x'));
  }
};

// Memory that was freed, and what was never written, takes no room in a database.
void test_free_memory_is_left_out() {
  Recorder recorder = unrecorded();
  Bytes saved;
  auto bulk = recorder.create<Bulk>("bulk");
  for (std::uint64_t i = 1; i < 100; ++i) bulk.deliver(Booking{i, 0, 0});
  CHECK(bulk.save(saved).ok());
  CHECK(saved.size() > 8 << 20);
  bulk.deliver(Booking{0, 0, 0});
  CHECK(bulk.save(saved).ok());
  CHECK(saved.size() < 32 << 10);
}

}  // namespace

int main() {
  test_other_executables();
  test_taken_slot();
  test_damage();
  test_mutations(repetitions("AFTERIMAGE_SAVED_MUTATIONS", 3000));
  test_inside_of_react();
  test_settings_stay();
  test_foreign_frees_are_saved();
  test_free_memory_is_left_out();
}
