// recorder/bench/heap.cc: what the reactor heap costs, compared with other allocators.
//
//     heap_bench [--smoke] [--library PATH]     prints rows: id value unit
//
// Container-shaped workloads, each run in processes of its own with the allocator preloaded: glibc's, mimalloc's
// if Debian's package is installed, ours inside a heap, and ours outside of one (what
// the rest of the program pays). Each workload runs once with each; scripts/bench repeats the whole.
#include <dlfcn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
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

struct Workload {
  const char* name;
  std::uint64_t (*run)(std::uint64_t percent);
};
constexpr Workload kWorkloads[] = {{"event", events},   {"map", ordered_map},       {"hash-map", hash_map}, {"string", strings},
                                   {"queue", queue},    {"vector", growing_vector}, {"burst", bursts}};

struct Contender {
  const char* name;
  std::string preload;  // empty: none
  bool in_heap;
};

// The bench is not linked with libafterimage, else glibc could not be measured: the heap is found by name.
bool enter_heap() {
  using Create = void*(int size, int& error);
  using Exchange = void*(void*);
  const auto create = reinterpret_cast<Create*>(::dlsym(RTLD_DEFAULT, "_ZN10afterimage4Heap6createENS_8SlotSizeERi"));
  const auto exchange = reinterpret_cast<Exchange*>(::dlsym(RTLD_DEFAULT, "_ZN10afterimage21exchange_current_heapEPNS_4HeapE"));
  int error = 0;
  void* const heap = create != nullptr && exchange != nullptr ? create(0, error) : nullptr;
  if (heap != nullptr) exchange(heap);
  return heap != nullptr;
}

int run_child(char** arguments) {
  const std::string name = arguments[0], percent = arguments[1], in_heap = arguments[2];
  if (in_heap == "1" && !enter_heap()) return 2;
  for (const Workload& workload : kWorkloads) {
    if (name == workload.name) return workload.run(std::stoull(percent)) == 0 ? 3 : 0;
  }
  return 4;
}

// CPU milliseconds of one run; below 0 if it failed.
double measure(const Workload& workload, const Contender& contender, const char* percent) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (contender.preload.empty()) ::unsetenv("LD_PRELOAD");
    else ::setenv("LD_PRELOAD", contender.preload.c_str(), 1);
    ::execl("/proc/self/exe", "heap_bench", "--child", workload.name, percent, contender.in_heap ? "1" : "0", nullptr);
    ::_exit(127);
  }
  int status = -1;
  rusage usage{};
  if (::wait4(child, &status, 0, &usage) != child || status != 0) return -1;
  const auto milliseconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1000 + static_cast<double>(time.tv_usec) / 1000;
  };
  return milliseconds(usage.ru_utime) + milliseconds(usage.ru_stime);
}

std::vector<Contender> contenders(const std::string& library) {
  std::vector<Contender> all{{"glibc", "", false}, {"afterimage-heap", library, true}, {"afterimage-outside", library, false}};
  const std::string mimalloc = "/usr/lib/x86_64-linux-gnu/libmimalloc.so.2.0";
  if (::access(mimalloc.c_str(), R_OK) == 0) all.push_back({"mimalloc", mimalloc, false});
  return all;
}

#if !defined(AFTERIMAGE_LIBRARY)
#define AFTERIMAGE_LIBRARY ""
#endif

}  // namespace

int main(int count, char** arguments) {
  if (count == 5 && std::strcmp(arguments[1], "--child") == 0) return run_child(arguments + 2);
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
  for (const Workload& workload : kWorkloads) {
    for (const Contender& contender : contenders(library)) {
      const double milliseconds = measure(workload, contender, smoke ? "1" : "25");
      if (milliseconds < 0) {
        std::fprintf(stderr, "heap_bench: %s with %s failed.\n", workload.name, contender.name);
        return 1;
      }
      std::printf("heap.%s.%s %.1f ms\n", workload.name, contender.name, milliseconds);
    }
    std::fflush(stdout);
  }
}
