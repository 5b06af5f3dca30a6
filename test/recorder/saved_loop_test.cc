// A program that keeps its reactors in a database: restores one, runs one event, saves it, lets it go. Each row must stay what a reactor
// is that was in memory all the time; and neither the process nor the recording may grow.
//
// AFTERIMAGE_SAVED_EVENTS: how many events (default: 500).
#include <filesystem>
#include <map>
#include <optional>
#include <thread>

#include "afterimage/recorder.h"
#include "check.h"
#include "kills.h"
#include "ledger.h"
#include "os/memory_limit.h"
#include "temporary_directory.h"

namespace {

using namespace afterimage;

constexpr std::uint64_t kRows = 4;

using Database = std::map<std::uint64_t, Bytes>;

std::string name_of(std::uint64_t row) { return "ledger " + std::to_string(row); }

Database first_rows(Recorder& recorder) {
  Database rows;
  for (std::uint64_t row = 0; row < kRows; ++row) CHECK(recorder.create<Ledger>(name_of(row)).save(rows[row]).ok());
  return rows;
}

Reactor<Ledger> restored(Recorder& recorder, std::uint64_t row, const Bytes& saved) {
  Status why_not;
  std::optional<Reactor<Ledger>> ledger = recorder.restore<Ledger>(name_of(row), saved, why_not);
  if (!ledger) std::fprintf(stderr, "%s\n", why_not.message().c_str());
  CHECK(ledger.has_value() && why_not.ok());
  return std::move(*ledger);
}

// Returns the digest of the ledger that was saved.
std::uint64_t react_to(Recorder& recorder, std::uint64_t row, Bytes& saved, const Booking& event, std::uint64_t digest_before) {
  Reactor<Ledger> ledger = restored(recorder, row, saved);
  CHECK_EQUAL(ledger->digest(), digest_before);
  ledger.deliver(event);
  CHECK(ledger.save(saved).ok());
  return ledger->digest();
}

struct Usage {
  std::ptrdiff_t descriptors, directories;
  std::uint64_t disk_bytes, resident_bytes;
};

Usage usage(const std::string& recording) {
  Usage now{};
  now.descriptors = std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
  now.resident_bytes = os::resident_bytes();
  if (recording.empty()) return now;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(recording)) {
    std::error_code gone;
    const std::uint64_t bytes = entry.is_regular_file(gone) ? entry.file_size(gone) : 0;
    now.directories += entry.is_directory(gone);
    if (!gone) now.disk_bytes += bytes;
  }
  return now;
}

void check_flat(const Usage& early, const Usage& late) {
  CHECK_EQUAL(late.directories, early.directories);
  CHECK(late.descriptors <= early.descriptors + 2);  // one that the background has open just now
  CHECK(late.disk_bytes < early.disk_bytes + (std::uint64_t{8} << 20));
  CHECK(late.resident_bytes < early.resident_bytes + (std::uint64_t{16} << 20));
}

void test_loop(const Options& options, std::uint64_t events) {
  Recorder recorder = Recorder::open(options);
  CHECK(recorder.status().ok() == !options.directory.empty());
  Reactor<Ledger> in_memory[kRows] = {recorder.create<Ledger>("0"), recorder.create<Ledger>("1"), recorder.create<Ledger>("2"),
                                      recorder.create<Ledger>("3")};
  Database rows = first_rows(recorder);
  std::map<std::uint64_t, std::uint64_t> digests;
  for (std::uint64_t row = 0; row < kRows; ++row) digests[row] = in_memory[row]->digest();
  Usage early{};
  for (std::uint64_t event = 0; event < events; ++event) {
    const std::uint64_t row = event % kRows;
    in_memory[row].deliver(booking(event));
    digests[row] = react_to(recorder, row, rows[row], booking(event), digests[row]);
    CHECK_EQUAL(digests[row], in_memory[row]->digest());
    if (event == events / 2) early = usage(recorder.path());
  }
  check_flat(early, usage(recorder.path()));
  for (std::uint64_t row = 0; row < kRows; ++row) CHECK(rows[row].size() < 64 * 1024);
  std::printf("%llu events, recorded %s: rows of %zu bytes\n", static_cast<unsigned long long>(events), options.directory.empty() ? "no" : "yes",
              rows[0].size());
}

}  // namespace

int main() {
  const TemporaryDirectory directory("saved-loop");
  const std::uint64_t events = repetitions("AFTERIMAGE_SAVED_EVENTS", 500);
  test_loop({.directory = ""}, events);
  CHECK(std::filesystem::is_empty(directory.path()));
  test_loop({.directory = directory.path(), .segment_bytes = 16 << 10, .keep_ended_reactors = 64}, events);
}
