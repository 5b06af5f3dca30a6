// afterimage/afterimage.h: what it answers when all is well, and when not. That what C records is replayed is a test of the fixture
// program weather-station.
#include "afterimage/afterimage.h"

#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <new>
#include <stdexcept>
#include <string>

#include "check.h"

namespace {

struct Counter {
  int events;
  std::size_t bytes;
};

void* make_counter(void* start) {
  auto* const counter = static_cast<Counter*>(std::calloc(1, sizeof(Counter)));
  counter->events = start == nullptr ? 0 : *static_cast<int*>(start);
  return counter;
}

void count(void* object, const void*, std::size_t bytes) {
  auto* const counter = static_cast<Counter*>(object);
  ++counter->events;
  counter->bytes += bytes;
}

int destroyed = 0;

void destroy_counter(void* object) {
  ++destroyed;
  std::free(object);
}

constexpr afterimage_reactor_type kCounter{.create = make_counter, .react = count, .destroy = destroy_counter};

const Counter& counter_of(const afterimage_reactor& reactor) { return *static_cast<const Counter*>(reactor.object); }

// An open recorder in a directory of its own.
struct Recording {
  explicit Recording(const char* directory) {
    afterimage_options options = afterimage_default_options();
    options.directory = directory;
    code = afterimage_open(&options, &recorder);
  }
  ~Recording() { afterimage_close(recorder); }

  afterimage_recorder* recorder = nullptr;
  afterimage_code code;
};

std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void an_event_changes_the_object(const std::string& directory) {
  const Recording recording(directory.c_str());
  CHECK(recording.code == AFTERIMAGE_OK);
  CHECK(std::filesystem::exists(std::string(afterimage_path(recording.recorder)) + "/manifest.json"));
  int start = 40;
  afterimage_reactor counter;
  CHECK(afterimage_create(recording.recorder, "counter", &kCounter, &start, &counter) == AFTERIMAGE_OK);
  CHECK(afterimage_deliver(counter, "abc", 3) == AFTERIMAGE_OK);
  CHECK(afterimage_deliver(counter, nullptr, 0) == AFTERIMAGE_OK);
  CHECK(counter_of(counter).events == 42 && counter_of(counter).bytes == 3);
  CHECK(afterimage_status(recording.recorder) == AFTERIMAGE_OK);
  afterimage_destroy(counter);
  CHECK(destroyed == 1);
}

void a_saved_reactor_is_restored() {
  const Recording recording("");
  CHECK(recording.code == AFTERIMAGE_NOT_RECORDING);
  int start = 40;
  afterimage_reactor counter;
  CHECK(afterimage_create(recording.recorder, "counter", &kCounter, &start, &counter) == AFTERIMAGE_OK);
  void* saved = nullptr;
  std::size_t bytes = 0;
  CHECK(afterimage_save(counter, &saved, nullptr) == AFTERIMAGE_INVALID_ARGUMENT);
  CHECK(afterimage_save(counter, &saved, &bytes) == AFTERIMAGE_OK);
  afterimage_reactor again;
  CHECK(afterimage_restore(recording.recorder, "again", saved, bytes, &again) == AFTERIMAGE_NOT_RESTORED);
  CHECK(std::strstr(afterimage_error(), "another reactor lives there") != nullptr);
  afterimage_destroy(counter);
  CHECK(afterimage_restore(recording.recorder, "again", saved, bytes, &again) == AFTERIMAGE_OK);
  CHECK(afterimage_deliver(again, "abc", 3) == AFTERIMAGE_OK);
  CHECK(counter_of(again).events == 41 && counter_of(again).bytes == 3);
  afterimage_destroy(again);
  std::free(saved);
}

void without_a_directory_the_reactors_go_on(const std::string& directory) {
  const std::string file = directory + "/file";
  std::fclose(std::fopen(file.c_str(), "w"));
  const Recording recording((file + "/below").c_str());
  CHECK(recording.code == AFTERIMAGE_NOT_RECORDING);
  CHECK(std::strstr(afterimage_error(), file.c_str()) != nullptr);
  afterimage_reactor counter;
  CHECK(afterimage_create(recording.recorder, "counter", &kCounter, nullptr, &counter) == AFTERIMAGE_OK);
  CHECK(afterimage_deliver(counter, "a", 1) == AFTERIMAGE_OK);
  CHECK(counter_of(counter).events == 1);
  afterimage_destroy(counter);
}

void mistakes_are_named(const std::string& directory) {
  CHECK(afterimage_open(nullptr, nullptr) == AFTERIMAGE_INVALID_ARGUMENT);
  const Recording recording(directory.c_str());
  afterimage_reactor reactor;
  CHECK(afterimage_create(recording.recorder, nullptr, &kCounter, nullptr, &reactor) == AFTERIMAGE_INVALID_ARGUMENT);
  constexpr afterimage_reactor_type incomplete{.create = make_counter, .react = nullptr, .destroy = nullptr};
  CHECK(afterimage_create(recording.recorder, "counter", &incomplete, nullptr, &reactor) == AFTERIMAGE_INVALID_ARGUMENT);
  CHECK(std::strstr(afterimage_error(), "react") != nullptr);
  constexpr afterimage_reactor_type impossible{.create = [](void*) -> void* { return nullptr; }, .react = count, .destroy = nullptr};
  CHECK(afterimage_create(recording.recorder, "nothing", &impossible, nullptr, &reactor) == AFTERIMAGE_CREATE_FAILED);
}

void an_exception_of_cplusplus_becomes_a_code(const std::string& directory) {
  const Recording recording(directory.c_str());
  constexpr afterimage_reactor_type throwing{
      .create = make_counter, .react = [](void*, const void*, std::size_t) { throw std::runtime_error("too much"); }, .destroy = destroy_counter};
  afterimage_reactor reactor;
  CHECK(afterimage_create(recording.recorder, "throwing", &throwing, nullptr, &reactor) == AFTERIMAGE_OK);
  CHECK(afterimage_deliver(reactor, nullptr, 0) == AFTERIMAGE_EXCEPTION);
  CHECK(std::string(afterimage_error()) == "too much");
  CHECK(afterimage_deliver(reactor, nullptr, 1) == AFTERIMAGE_INVALID_ARGUMENT);
  afterimage_destroy(reactor);
}

void options_of_an_older_caller_are_completed(const std::string& directory) {
  afterimage_options options = afterimage_default_options();
  options.bytes = offsetof(afterimage_options, segment_bytes);
  options.directory = directory.c_str();
  options.snapshot_engine = nullptr;  // beyond what this caller knows
  afterimage_recorder* recorder = nullptr;
  CHECK(afterimage_open(&options, &recorder) == AFTERIMAGE_OK);
  CHECK(std::string(afterimage_path(recorder)).starts_with(directory));
  afterimage_close(recorder);
}

// As what the recording shows of each.
void all_options_reach_the_recorder(const std::string& directory) {
  afterimage_options options = afterimage_default_options();
  CHECK(options.wait_for_log == 1 && options.sync_interval_ms == 0);
  options.directory = directory.c_str();
  options.wait_for_log = 0;
  options.record_sent_events = 1;
  options.sync_interval_ms = 60'000;
  options.heap_limit_bytes = std::uint64_t{16} << 20;
  options.genesis = 1;
  afterimage_recorder* recorder = nullptr;
  CHECK(afterimage_open(&options, &recorder) == AFTERIMAGE_OK);
  const std::string reactors = afterimage_path(recorder);
  afterimage_reactor receiver, sender;
  CHECK(afterimage_create(recorder, "receiver", &kCounter, nullptr, &receiver) == AFTERIMAGE_OK);
  constexpr afterimage_reactor_type forwarding{
      .create = [](void* to) -> void* { return new (std::malloc(sizeof(afterimage_reactor))) auto(*static_cast<afterimage_reactor*>(to)); },
      .react =
          [](void* object, const void*, std::size_t) {
            CHECK(std::malloc(std::size_t{32} << 20) == nullptr);
            afterimage_deliver(*static_cast<afterimage_reactor*>(object), "what was sent", 13);
          },
      .destroy = nullptr};
  CHECK(afterimage_create(recorder, "sender", &forwarding, &receiver, &sender) == AFTERIMAGE_OK);
  CHECK(afterimage_deliver(sender, "go", 2) == AFTERIMAGE_OK);
  CHECK(counter_of(receiver).bytes == 13);
  afterimage_destroy(sender);
  afterimage_destroy(receiver);
  afterimage_close(recorder);
  CHECK(content_of(reactors + "/r1/reactor.json").find("genesis") != std::string::npos);
  CHECK(content_of(reactors + "/r1/ev-00000001.mcap").find("what was sent") != std::string::npos);
}

// The first event makes an object and a pointer to it, the second frees it, the third uses it, the fourth frees it again.
struct Forgetful {
  afterimage_safe_pointer pointer;
  int events;
};

void forget(void* object, const void*, std::size_t) {
  auto* const self = static_cast<Forgetful*>(object);
  switch (++self->events) {
    case 1: self->pointer = afterimage_make_safe(std::malloc(40)); break;
    case 2: std::free(afterimage_get(self->pointer)); break;
    case 3: afterimage_get(self->pointer); break;
    default: afterimage_safe_free(self->pointer);
  }
}

constexpr afterimage_reactor_type kForgetful{
    .create = [](void*) -> void* { return std::calloc(1, sizeof(Forgetful)); }, .react = forget, .destroy = nullptr};

void a_dangling_pointer_is_named_where_memory_is_kinda_safe(const std::string& directory) {
  for (const auto memory : {AFTERIMAGE_MEMORY_FAST, AFTERIMAGE_MEMORY_KINDA_SAFE}) {
    afterimage_options options = afterimage_default_options();
    options.directory = directory.c_str();
    options.memory = memory;
    afterimage_recorder* recorder = nullptr;
    CHECK(afterimage_open(&options, &recorder) == AFTERIMAGE_OK);
    const std::string recording = afterimage_path(recorder);
    afterimage_reactor reactor;
    CHECK(afterimage_create(recorder, "forgetful", &kForgetful, nullptr, &reactor) == AFTERIMAGE_OK);
    const auto& pointer = static_cast<const Forgetful*>(reactor.object)->pointer;
    const bool is_safe = memory == AFTERIMAGE_MEMORY_KINDA_SAFE;
    for (int i = 0; i < 4; ++i) {
      CHECK(afterimage_deliver(reactor, nullptr, 0) == AFTERIMAGE_OK);
      CHECK((afterimage_is_dangling(pointer) != 0) == (is_safe && i > 0));
    }
    afterimage_destroy(reactor);
    afterimage_close(recorder);
    const std::string log = content_of(recording + "/r0/ev-00000001.mcap");
    const auto used = log.find("use of freed memory: 0x");
    CHECK((used != log.npos) == is_safe);
    if (is_safe) CHECK(log.find("it was freed in event 1 at ", used) != log.npos);
    CHECK(log.find("double free: 0x") != log.npos);  // without ids the heap sees it, too: nothing has been allocated there since
  }
}

void allocations_fail_on_purpose(const std::string& directory) {
  afterimage_options options = afterimage_default_options();
  CHECK(options.fail_allocations.seed == 1);
  options.directory = directory.c_str();
  options.fail_allocations = {.nth = 3, .probability = 0, .seed = 1, .above_bytes = 100};
  afterimage_recorder* recorder = nullptr;
  CHECK(afterimage_open(&options, &recorder) == AFTERIMAGE_OK);
  constexpr afterimage_reactor_type hungry{
      .create = make_counter,
      .react = [](void* object, const void*, std::size_t bytes) { static_cast<Counter*>(object)->bytes += std::malloc(bytes) == nullptr; },
      .destroy = destroy_counter};
  afterimage_reactor reactor;
  CHECK(afterimage_create(recorder, "hungry", &hungry, nullptr, &reactor) == AFTERIMAGE_OK);
  const char event[200] = "";
  for (const std::size_t bytes : {200u, 50u, 200u, 50u}) CHECK(afterimage_deliver(reactor, event, bytes) == AFTERIMAGE_OK);
  CHECK(counter_of(reactor).bytes == 0);
  CHECK(afterimage_deliver(reactor, event, 200) == AFTERIMAGE_OK);
  CHECK(counter_of(reactor).bytes == 1);
  afterimage_destroy(reactor);
  afterimage_close(recorder);
}

void a_reactor_tells_how_its_memory_is_used(const std::string& directory) {
  afterimage_options options = afterimage_default_options();
  options.directory = directory.c_str();
  options.heap_limit_bytes = std::uint64_t{16} << 20;
  options.memory = AFTERIMAGE_MEMORY_KINDA_SAFE;
  afterimage_recorder* recorder = nullptr;
  CHECK(afterimage_open(&options, &recorder) == AFTERIMAGE_OK);
  constexpr afterimage_reactor_type hungry{
      .create = make_counter,
      .react = [](void* object, const void*, std::size_t bytes) {
        void* volatile const block = std::malloc(bytes << 20);
        static_cast<Counter*>(object)->bytes += block == nullptr;
        std::free(block);
      },
      .destroy = destroy_counter};
  afterimage_reactor reactor;
  CHECK(afterimage_create(recorder, "hungry", &hungry, nullptr, &reactor) == AFTERIMAGE_OK);
  afterimage_statistics before{}, after{}, older{};
  before.bytes = after.bytes = sizeof(afterimage_statistics);
  CHECK(afterimage_heap_statistics(reactor, &before) == AFTERIMAGE_OK);
  const char event[17] = "";
  for (const std::size_t bytes : {1u, 2u, 17u}) CHECK(afterimage_deliver(reactor, event, bytes) == AFTERIMAGE_OK);
  CHECK(counter_of(reactor).bytes == 1);
  CHECK(afterimage_heap_statistics(reactor, &after) == AFTERIMAGE_OK);
  CHECK(after.limit_bytes == std::uint64_t{16} << 20);
  CHECK(after.live_blocks == before.live_blocks && after.live_bytes == before.live_bytes);
  CHECK(after.allocations == before.allocations + 2 && after.frees == before.frees + 2);
  CHECK(after.large_allocations == 2 && after.large_frees == 2 && after.foreign_frees == 0);
  CHECK(after.failed_allocations == 1 && after.refusals == 1 && after.misuses == 0);

  // An older caller has fewer fields, and a careless one none.
  older.bytes = offsetof(afterimage_statistics, free_blocks);
  older.free_blocks = 77;
  CHECK(afterimage_heap_statistics(reactor, &older) == AFTERIMAGE_OK);
  CHECK(older.live_blocks == after.live_blocks && older.free_blocks == 77);
  CHECK(afterimage_heap_statistics(reactor, nullptr) == AFTERIMAGE_INVALID_ARGUMENT);
  afterimage_destroy(reactor);
  afterimage_close(recorder);
}

void options_that_make_no_sense_are_named(const std::string& directory) {
  const auto refused = [&](auto spoil, const char* named) {
    afterimage_options options = afterimage_default_options();
    options.directory = directory.c_str();
    spoil(options);
    afterimage_recorder* recorder = nullptr;
    return afterimage_open(&options, &recorder) == AFTERIMAGE_INVALID_ARGUMENT && recorder == nullptr &&
           std::strstr(afterimage_error(), named) != nullptr;
  };
  CHECK(refused([](afterimage_options& options) { options.directory = nullptr; }, "directory"));
  CHECK(refused([](afterimage_options& options) { options.io = static_cast<afterimage_io>(3); }, "afterimage_io"));
  CHECK(refused([](afterimage_options& options) { std::memset(&options.memory, 1, sizeof options.memory); }, "afterimage_memory"));
  CHECK(refused([](afterimage_options& options) { options.fail_allocations.probability = 1.5; }, "from 0 to 1"));
}

}  // namespace

int main() {
  char scratch[] = "/tmp/afterimage-c-api-XXXXXX";
  const std::string directory = mkdtemp(scratch);
  an_event_changes_the_object(directory);
  a_saved_reactor_is_restored();
  without_a_directory_the_reactors_go_on(directory);
  mistakes_are_named(directory);
  an_exception_of_cplusplus_becomes_a_code(directory);
  options_of_an_older_caller_are_completed(directory);
  all_options_reach_the_recorder(directory);
  a_dangling_pointer_is_named_where_memory_is_kinda_safe(directory);
  allocations_fail_on_purpose(directory);
  a_reactor_tells_how_its_memory_is_used(directory);
  options_that_make_no_sense_are_named(directory);
  std::filesystem::remove_all(directory);
  return 0;
}
