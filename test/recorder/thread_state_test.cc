// What react() has of its thread: thread-local variables and the floating-point mode, kept, compared and given back.
#include "snapshot/thread_state.h"

#include <cfenv>
#include <cstdint>
#include <thread>
#include <vector>

#include "check.h"
#include "os/locale.h"
#include "os/modules.h"
#include "snapshot/variable_rules.h"

namespace {

using afterimage::ThreadState;
using afterimage::VariableRules;

thread_local std::uint64_t t_number = 7;
thread_local char t_name[13] = "nobody";

ThreadState own_state() {
  return ThreadState(afterimage::included_variables(afterimage::os::loaded_modules(), VariableRules("none")).modules);
}

void test_a_change_is_noticed_and_undone() {
  ThreadState state = own_state();
  state.take();
  CHECK(state.is_current());
  t_number = 8;
  CHECK(!state.is_current());
  state.keep();
  CHECK(state.is_current());
  const std::vector<std::byte> kept(state.bytes().begin(), state.bytes().end());
  t_number = 9;
  t_name[3] = 'x';
  CHECK(ThreadState::restore(kept));
  CHECK_EQUAL(t_number, std::uint64_t{8});
  CHECK_EQUAL(t_name[3], 'o');
}

void test_the_rounding_mode_belongs_to_it() {
  ThreadState state = own_state();
  std::fesetround(FE_UPWARD);
  state.take();
  std::fesetround(FE_TONEAREST);
  CHECK(!state.is_current());
  CHECK(ThreadState::restore(state.bytes()));
  CHECK_EQUAL(std::fegetround(), FE_UPWARD);
  std::fesetround(FE_TONEAREST);
}

// They are a matter of every division, and nobody looks at them.
void test_sticky_flags_do_not() {
  ThreadState state = own_state();
  std::feclearexcept(FE_ALL_EXCEPT);
  state.take();
  std::feraiseexcept(FE_INEXACT);
  CHECK(state.is_current());
}

void test_another_thread_is_compared_by_its_own_variables() {
  ThreadState state = own_state();
  t_number = 100;
  state.take();
  bool fresh = true, alike = false;
  std::uint64_t restored = 0;
  std::thread([&] {
    fresh = state.is_current();
    t_number = 100;
    t_name[3] = 'o';
    alike = state.is_current();
    t_number = 1;
    CHECK(ThreadState::restore(state.bytes()));
    restored = t_number;
  }).join();
  CHECK(!fresh);
  CHECK(alike);
  CHECK_EQUAL(restored, std::uint64_t{100});
}

void test_damaged_bytes_are_refused() {
  ThreadState state = own_state();
  state.take();
  for (std::size_t bytes = 0; bytes < state.bytes().size(); ++bytes) CHECK(!ThreadState::restore(state.bytes().first(bytes)));
  std::vector<std::byte> other(state.bytes().begin(), state.bytes().end());
  other[0] = std::byte{2};
  CHECK(!ThreadState::restore(other));
}

bool included(const char* rules, const char* kind, const char* path) {
  return VariableRules(rules).include({.kind = kind, .base = 0, .bytes = 0, .build_id = {}, .path = path, .variables = {}, .lazy_bindings = {}});
}

void test_rules_choose_libraries() {
  CHECK(included("auto", "lib", "/usr/lib/libsqlite3.so.0.8.6"));
  CHECK(!included("auto", "lib", "/usr/lib/libc.so.6"));
  CHECK(!included("auto", "lib", "/usr/lib/libstdc++.so.6"));
  CHECK(!included("auto", "interp", "/lib64/ld-linux-x86-64.so.2"));
  CHECK(included("none", "exe", "/opt/shop"));
  CHECK(!included("none", "lib", "/usr/lib/libsqlite3.so.0.8.6"));
  CHECK(included("none,+libsqlite3", "lib", "/usr/lib/libsqlite3.so.0.8.6"));
  CHECK(included("auto,+libstdc++", "lib", "/usr/lib/libstdc++.so.6"));
  CHECK(!included("auto,-libsql", "lib", "/usr/lib/libsqlite3.so.0.8.6"));
  CHECK(!included("auto,+libafterimage", "lib", "/usr/lib/libafterimage.so"));
}

void test_a_locale_that_is_not_here_is_told() {
  const std::string before = afterimage::os::locale_names();
  CHECK(afterimage::os::set_locale(before));
  using namespace std::string_literals;
  CHECK(!afterimage::os::set_locale("xx_XX.nowhere\0C\0"s));
  CHECK(!afterimage::os::set_locale("C\0*\0"s));
  CHECK(afterimage::os::set_locale("C.UTF-8\0C\0"s));
  CHECK(afterimage::os::locale_names() == "C.UTF-8\0C\0"s);
}

}  // namespace

int main() {
  test_a_change_is_noticed_and_undone();
  test_the_rounding_mode_belongs_to_it();
  test_sticky_flags_do_not();
  test_another_thread_is_compared_by_its_own_variables();
  test_damaged_bytes_are_refused();
  test_rules_choose_libraries();
  test_a_locale_that_is_not_here_is_told();
}
