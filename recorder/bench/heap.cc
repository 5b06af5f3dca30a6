// recorder/bench/heap.cc: what the reactor heap costs, compared with other allocators.
//
//     heap_bench [--smoke] [--library PATH]     prints rows: id value unit
//
// Cases: container-shaped workloads, the pattern of the "larson" benchmark on one thread, and two real programs, Debian's
// perl and sqlite3. Each runs in processes of its own with the allocator preloaded: glibc's, Debian's mimalloc, ours inside a
// heap, fast or kinda-safe, and ours outside of one (what the rest of the program pays). A figure is the median of the CPU times of
// all rounds; a ratio is of neighbours in a round, and the median of those.
//
//   heap.fast.geomean   in a heap / mimalloc, geometric mean over the cases     heap.fast.worst   the worst case
//   heap.fast.glibc     in a heap / glibc, geometric mean
//   heap.checked.geomean  in a kinda-safe heap (Options::memory: ids for SafePtr) / mimalloc      heap.checked.worst
//
// Fast is not unchecked: every free must be of a live block, in both.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace {

std::uint64_t g_random = 88172645463325252u;
std::uint64_t below(std::uint64_t limit) {
  g_random ^= g_random << 13;
  g_random ^= g_random >> 7;
  g_random ^= g_random << 17;
  return g_random % limit;
}

// `steps` is a percentage of the full length; the results keep the compiler from dropping the work.
std::uint64_t ordered_map(std::uint64_t percent) {
  std::map<std::uint64_t, std::uint64_t> map;
  for (std::uint64_t i = 0; i < 30'000 * percent; ++i) {
    map[below(200'000)] += i;
    map.erase(below(200'000));
  }
  return map.size();
}

std::uint64_t hash_map(std::uint64_t percent) {
  std::unordered_map<std::string, std::string> map;
  for (std::uint64_t i = 0; i < 20'000 * percent; ++i) {
    map["session-key-number-" + std::to_string(below(100'000))] = std::string(below(200), 'x');
    map.erase("session-key-number-" + std::to_string(below(100'000)));
  }
  return map.size();
}

std::uint64_t strings(std::uint64_t percent) {
  std::uint64_t sum = 0;
  std::vector<std::string> kept(1000);
  for (std::uint64_t i = 0; i < 60'000 * percent; ++i) {
    std::string text = std::to_string(i) + std::string(16 + below(64), 'a') + "/" + std::to_string(i * 7);
    sum += text.size();
    kept[below(kept.size())] = std::move(text);
  }
  return sum;
}

std::uint64_t growing_vector(std::uint64_t percent) {
  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < 400 * percent; ++i) {
    std::vector<int> vector;
    for (std::uint64_t k = 0, end = 1 + below(4000); k < end; ++k) vector.push_back(static_cast<int>(k));
    sum += vector.size();
  }
  return sum;
}

std::uint64_t queue(std::uint64_t percent) {
  std::list<std::pair<std::uint64_t, std::uint64_t>> list;
  for (std::uint64_t i = 0; i < 200'000 * percent; ++i) {
    list.emplace_back(i, i);
    if (list.size() > 10'000) list.pop_front();
  }
  return list.size();
}

std::uint64_t bursts(std::uint64_t percent) {
  std::vector<std::unique_ptr<char[]>> blocks(5000);
  for (std::uint64_t round = 0; round < 30 * percent; ++round) {
    for (std::size_t i = 0; i < blocks.size(); ++i) blocks[i].reset(new char[1 + below(i % 16 != 0 ? 128 : 1000)]);
    for (std::size_t i = 0; i < blocks.size(); i += 2) blocks[i].reset();
    for (std::size_t i = blocks.size(); i-- > 0;) blocks[i].reset();
  }
  return blocks.size();
}

// After Larson and Krishnan, "Memory Allocation for Long-Running Server Applications": random replacement.
std::uint64_t larson(std::uint64_t percent) {
  std::vector<std::unique_ptr<char[]>> blocks(5000);
  for (std::uint64_t i = 0; i < 60'000 * percent; ++i) {
    std::unique_ptr<char[]>& block = blocks[below(blocks.size())];
    block = nullptr;
    const std::uint64_t bytes = 8 + below(992);
    block.reset(new char[bytes]);
    block[0] = block[bytes - 1] = 1;
  }
  return blocks.size();
}

// One react(): parse, update the state, answer.
std::uint64_t events(std::uint64_t percent) {
  struct Session {
    std::string user;
    std::vector<std::uint32_t> items;
    std::map<std::uint32_t, std::string> attributes;
  };
  std::uint64_t sum = 0;
  std::unordered_map<std::uint64_t, std::unique_ptr<Session>> sessions;
  for (std::uint64_t e = 0; e < 15'000 * percent; ++e) {
    const std::string message = "cmd=" + std::to_string(below(4)) + ";user=" + std::to_string(below(20'000)) +
                                ";payload=" + std::string(below(100), 'p');
    auto& session = sessions[below(20'000)];
    if (session == nullptr) session = std::make_unique<Session>();
    session->user = message.substr(6);
    session->items.push_back(static_cast<std::uint32_t>(e));
    if (session->items.size() > 64) session->items = {};
    session->attributes[static_cast<std::uint32_t>(below(16))] = message.substr(0, below(message.size()));
    if (below(50) == 0) sessions.erase(below(20'000));
    const std::unique_ptr<char[]> reply(new char[512]);
    std::memcpy(reply.get(), message.data(), std::min<std::size_t>(message.size(), 512));
    sum += static_cast<unsigned char>(reply[5]);
  }
  return sum;
}

// A case is a function of this program or, without one, a program and its arguments. LENGTH is replaced by a percentage.
struct Case {
  const char* name;
  std::uint64_t (*run)(std::uint64_t percent);
  std::vector<std::string> command = {};
};

constexpr const char* kPerl = R"(
my %orders; my $x = 1; my $sum = 0;
for my $i (1 .. 3000 * LENGTH) {
  $x = ($x * 1103515245 + 12345) & 2147483647;
  my @words = split / /, "order-" . $x % 5000 . " user-" . $x % 777 . " item $i";
  push @{ $orders{$words[0]}{$words[1]} }, join("/", reverse @words);
  delete $orders{"order-" . ($x >> 7) % 5000} if $i % 3 == 0;
}
$sum += length for map { map { @$_ } values %$_ } values %orders;
exit($sum == 0);
)";
constexpr const char* kSqlite = R"(
CREATE TABLE flights(id INTEGER PRIMARY KEY, origin TEXT, destination TEXT, delay INT);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000 * LENGTH)
INSERT INTO flights SELECT i, 'A' || (i * 7919 % 300), 'B' || (i * 104729 % 300), i * 31 % 97 - 20 FROM n;
CREATE INDEX by_origin ON flights(origin, delay);
SELECT sum(length(route)) FROM
  (SELECT group_concat(origin || '-' || destination) AS route FROM flights GROUP BY delay, destination);
)";

const std::vector<Case> kCases = {
    {"event", events},  {"map", ordered_map},       {"hash-map", hash_map}, {"string", strings},
    {"queue", queue},   {"vector", growing_vector}, {"burst", bursts},      {"larson", larson},
    {"perl", nullptr, {"/usr/bin/perl", "-e", kPerl}},
    {"sqlite", nullptr, {"/usr/bin/sqlite3", ":memory:", kSqlite}},
};

struct Contender {
  const char* name;
  std::string preload;  // empty: none
};
enum { kGlibc, kInHeap, kInKindaSafeHeap, kOutside, kMimalloc };

int run_child(const std::string& name, const std::string& percent) {
  for (const Case& workload : kCases) {
    if (name == workload.name) return workload.run(std::stoull(percent)) == 0 ? 3 : 0;
  }
  return 4;
}

[[noreturn]] void execute(const Case& workload, const Contender& contender, const std::string& percent) {
  std::vector<std::string> words = workload.command;
  if (workload.run != nullptr) words = {"/proc/self/exe", "--child", workload.name, percent};
  std::vector<char*> arguments;
  for (std::string& word : words) {
    if (const std::size_t at = word.find("LENGTH"); at != std::string::npos) word.replace(at, 6, percent);
    arguments.push_back(word.data());
  }
  arguments.push_back(nullptr);
  if (contender.preload.empty()) ::unsetenv("LD_PRELOAD");
  else ::setenv("LD_PRELOAD", contender.preload.c_str(), 1);
  if (std::freopen("/dev/null", "w", stdout) != nullptr) ::execv(arguments[0], arguments.data());
  ::_exit(127);
}

// CPU milliseconds of one run; below 0 if it failed.
double measure(const Case& workload, const Contender& contender, const std::string& percent) {
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child == 0) execute(workload, contender, percent);
  int status = -1;
  rusage usage{};
  if (::wait4(child, &status, 0, &usage) != child || status != 0) return -1;
  const auto milliseconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1000 + static_cast<double>(time.tv_usec) / 1000;
  };
  return milliseconds(usage.ru_utime) + milliseconds(usage.ru_stime);
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

double median_ratio(const std::vector<double>& times, const std::vector<double>& others) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < times.size(); ++i) ratios.push_back(times[i] / others[i]);
  return median(ratios);
}

double geometric_mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += std::log(value);
  return std::exp(sum / static_cast<double>(values.size()));
}

std::vector<Contender> contenders(const std::string& library) {
  std::vector<Contender> all{{"glibc", ""},
                             {"afterimage-heap", library + ":" AFTERIMAGE_ENTER_HEAP},
                             {"afterimage-kinda-safe", library + ":" AFTERIMAGE_ENTER_KINDA_SAFE_HEAP},
                             {"afterimage-outside", library}};
  const std::string mimalloc = "/usr/lib/x86_64-linux-gnu/libmimalloc.so.2.0";
  if (::access(mimalloc.c_str(), R_OK) == 0) all.push_back({"mimalloc", mimalloc});
  return all;
}

constexpr int rounds(bool smoke) noexcept { return smoke ? 1 : 7; }

struct Ratios {
  std::vector<double> to_mimalloc, checked_to_mimalloc, to_glibc;
};

bool run_case(const Case& workload, const std::vector<Contender>& all, bool smoke, Ratios& ratios) {
  std::vector<std::vector<double>> times(all.size());
  for (int round = 0; round < rounds(smoke); ++round) {
    for (std::size_t i = 0; i < all.size(); ++i) {
      times[i].push_back(measure(workload, all[i], smoke ? "1" : "25"));
      if (times[i].back() >= 0) continue;
      std::fprintf(stderr, "heap_bench: %s with %s failed.\n", workload.name, all[i].name);
      return false;
    }
  }
  for (std::size_t i = 0; i < all.size(); ++i) std::printf("heap.%s.%s %.1f ms %d\n", workload.name, all[i].name, median(times[i]), rounds(smoke));
  ratios.to_glibc.push_back(median_ratio(times[kInHeap], times[kGlibc]));
  if (all.size() <= kMimalloc) return true;
  ratios.to_mimalloc.push_back(median_ratio(times[kInHeap], times[kMimalloc]));
  ratios.checked_to_mimalloc.push_back(median_ratio(times[kInKindaSafeHeap], times[kMimalloc]));
  return true;
}

}  // namespace

int main(int count, char** arguments) {
  if (count == 4 && std::strcmp(arguments[1], "--child") == 0) return run_child(arguments[2], arguments[3]);
  std::string library = AFTERIMAGE_LIBRARY;
  bool smoke = false;
  for (int i = 1; i < count; ++i) {
    if (std::strcmp(arguments[i], "--smoke") == 0) smoke = true;
    if (std::strcmp(arguments[i], "--library") == 0 && i + 1 < count) library = arguments[++i];
  }
  if (::access(library.c_str(), R_OK) != 0) {
    std::fprintf(stderr, "heap_bench: there is no library \"%s\"; build it, or name it with --library PATH.\n", library.c_str());
    return 1;
  }
  const std::vector<Contender> all = contenders(library);
  Ratios ratios;
  for (const Case& workload : kCases) {
    if (!workload.command.empty() && ::access(workload.command[0].c_str(), X_OK) != 0) continue;  // not installed
    if (!run_case(workload, all, smoke, ratios)) return 1;
  }
  const auto row = [&](const char* id, double value, const char* unit) { std::printf("heap.%s %.3f %s %d\n", id, value, unit, rounds(smoke)); };
  row("fast.glibc", geometric_mean(ratios.to_glibc), "of_glibc");
  if (ratios.to_mimalloc.empty()) return 0;
  row("fast.geomean", geometric_mean(ratios.to_mimalloc), "of_mimalloc");
  row("fast.worst", *std::ranges::max_element(ratios.to_mimalloc), "of_mimalloc");
  row("checked.geomean", geometric_mean(ratios.checked_to_mimalloc), "of_mimalloc");
  row("checked.worst", *std::ranges::max_element(ratios.checked_to_mimalloc), "of_mimalloc");
}
