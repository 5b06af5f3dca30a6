// Library functions which keep state of the process, called in a heap: nothing of it may stay in the
// heap. A replay would not have it, and every later address would be another one. What stays all the same
// (docs/adopting.md) is listed here, too, so that it does not become more.
#include <dlfcn.h>
#include <iconv.h>
#include <netdb.h>
#include <pwd.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include <clocale>
#include <ctime>
#include <exception>
#include <filesystem>
#include <future>
#include <iostream>
#include <random>
#include <regex>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "heap_testing.h"

using namespace afterimage;

namespace {

FILE* open_null() { return std::fopen("/dev/null", "w"); }
FILE* const g_null = open_null();
FILE* const g_null_wide = open_null();

struct Call {
  const char* name;
  void (*call)();
};

constexpr Call kCalls[] = {
    {"fprintf to a FILE used for the first time", [] { std::fprintf(g_null, "hello %d %f\n", 1, 2.5); }},
    {"fprintf %ls", [] { std::fprintf(g_null_wide, "%ls", L"wide"); }},
    {"fopen and fclose", [] { FILE* f = std::fopen("/dev/null", "r"); std::fgetc(f); std::fclose(f); }},
    {"std::clog", [] { std::clog << "" << std::flush; }},
    {"std::ostringstream", [] { std::ostringstream out; out << 1.5 << 7; }},
    {"std::locale", [] { const std::locale locale("C.UTF-8"); }},
    {"std::time_put", [] {
       std::ostringstream out;
       const std::tm time{};
       std::use_facet<std::time_put<char>>(out.getloc()).put(out, out, ' ', &time, 'c');
     }},
    {"localtime", [] { const std::time_t time = 0; CHECK(std::localtime(&time) != nullptr); }},
    {"strftime", [] { const std::tm time{}; char text[64]; CHECK(std::strftime(text, sizeof text, "%c %Z", &time) > 0); }},
    {"strerror of a known number", [] { CHECK(std::strerror(2) != nullptr); }},
    {"strerror of an unknown number", [] { CHECK(std::strerror(99999) != nullptr); }},
    {"std::error_code::message", [] { CHECK(!std::generic_category().message(99999).empty()); }},
    {"setlocale", [] { CHECK(std::setlocale(LC_ALL, "C.UTF-8") != nullptr); }},
    {"setenv", [] { CHECK(::setenv("AFTERIMAGE_TEST", "value", 1) == 0); }},
    {"unsetenv", [] { CHECK(::unsetenv("AFTERIMAGE_TEST") == 0); }},
    {"getaddrinfo", [] {
       addrinfo* result = nullptr;
       addrinfo hints{};
       hints.ai_family = AF_INET;
       if (::getaddrinfo("localhost", "80", &hints, &result) == 0) ::freeaddrinfo(result);
     }},
    {"getpwuid", [] { (void)::getpwuid(0); }},
    {"dlopen, kept", [] { CHECK(::dlopen("libresolv.so.2", RTLD_NOW) != nullptr); }},
    {"dlerror", [] { CHECK(::dlsym(RTLD_DEFAULT, "no_such_symbol") == nullptr); CHECK(::dlerror() != nullptr); }},
    {"iconv_open", [] {
       const iconv_t converter = ::iconv_open("UTF-16", "UTF-8");
       if (converter != reinterpret_cast<iconv_t>(-1)) ::iconv_close(converter);
     }},
    {"throw and catch", [] {
       try {
         throw std::runtime_error("a message which is long enough to allocate");
       } catch (const std::exception&) {
       }
     }},
    {"std::thread", [] { std::thread([] {}).join(); }},
    {"std::async", [] { CHECK(std::async(std::launch::async, [] { return 1; }).get() == 1); }},
    {"std::random_device", [] { std::random_device device; std::mt19937 engine(device()); (void)engine(); }},
    {"std::regex", [] { CHECK(std::regex_match("abcx", std::regex("[a-z]+x"))); }},
    {"std::filesystem", [] { CHECK(std::filesystem::exists("/tmp")); }},
    {"atexit", [] { for (int i = 0; i < 40; ++i) CHECK(std::atexit([] {}) == 0); }},
    {"qsort", [] {
       static int numbers[25'000];
       std::qsort(numbers, 25'000, sizeof(int), [](const void*, const void*) { return 0; });
     }},
    {"syslog", [] { ::openlog("test", 0, LOG_USER); ::syslog(LOG_DEBUG, "x"); ::closelog(); }},
    {"getline, buffer freed", [] {
       FILE* const file = std::fopen("/proc/self/status", "r");
       char* line = nullptr;
       std::size_t bytes = 0;
       CHECK(::getline(&line, &bytes, file) > 0);
       std::free(line);
       std::fclose(file);
     }},
    {"asprintf, text freed", [] { char* text = nullptr; CHECK(::asprintf(&text, "%d", 5) == 1); std::free(text); }},
};

// A thread returns its state with a free of its own, which waits for the event boundary.
std::size_t left_behind_by(const Call& call) {
  TestHeap heap;
  {
    const HeapScope scope(*heap);
    call.call();
  }
  drain_foreign_frees(*heap);
  return live_blocks(*heap);
}

std::exception_ptr g_kept;

constexpr std::size_t kSome = SIZE_MAX;  // as many as this libstdc++ needs

// What the program, or libstdc++ for it, keeps in a variable. Operator new cannot know that from what belongs to the reactor.
struct Kept {
  Call call;
  std::size_t first, second;  // blocks that stay in a heap where it is called for the first time, and in the next heap
};

const std::string& function_local_static() {
  static const std::string text("a text which is long enough to allocate");
  return text;
}

const std::string& thread_local_text() {
  thread_local const std::string text("a text which is long enough to allocate");
  return text;
}

const Kept kKept[] = {
    {{"std::locale::global", [] { std::locale::global(std::locale("C.UTF-8")); }}, kSome, kSome},
    {{"std::ios::sync_with_stdio(false)", [] { std::ios::sync_with_stdio(false); }}, kSome, 0},
    // The exception and its text; the next one takes their place.
    {{"an exception that is kept", [] { g_kept = std::make_exception_ptr(std::runtime_error("a message which is long enough to allocate")); }}, 2, 2},
    {{"a function-local static std::string", [] { CHECK(!function_local_static().empty()); }}, 1, 0},
    {{"a thread_local std::string", [] { CHECK(!thread_local_text().empty()); }}, 1, 0},
};

// In a process of its own: what is kept leads to heaps that are gone.
void check_what_is_kept(const Kept& kept) {
  std::fflush(nullptr);
  const pid_t child = ::fork();
  CHECK(child >= 0);
  if (child == 0) {
    TestHeap heaps[2];
    std::size_t left[2];
    for (int round = 0; round < 2; ++round) {
      {
        const HeapScope scope(*heaps[round]);
        kept.call.call();
      }
      left[round] = live_blocks(*heaps[round]);
    }
    std::fprintf(stderr, "%s: %zu blocks stay, then %zu\n", kept.call.name, left[0], left[1]);
    const auto is = [](std::size_t blocks, std::size_t expected) { return expected == kSome ? blocks > 0 : blocks == expected; };
    ::_exit(is(left[0], kept.first) && is(left[1], kept.second) ? 0 : 1);
  }
  int status = 0;
  CHECK_EQUAL(::waitpid(child, &status, 0), child);
  CHECK_EQUAL(status, 0);
}

}  // namespace

int main() {
  bool clean = true;
  for (const Call& call : kCalls) {
    for (const char* const round : {"first", "second"}) {
      const std::size_t left = left_behind_by(call);
      if (left != 0) std::fprintf(stderr, "%s: %zu blocks stay in the heap after the %s call\n", call.name, left, round);
      clean = clean && left == 0;
    }
  }
  CHECK(clean);
  for (const Kept& kept : kKept) check_what_is_kept(kept);
  std::printf("still alive: %s\n", std::strerror(99999));  // all those heaps are unmapped
}
