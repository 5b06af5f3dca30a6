// Which snapshot engine is used: the one asked for where that is possible, else the best that is, and a sentence that says why.
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include "check.h"
#include "snapshot/engine.h"

using namespace afterimage;

namespace {

std::string chosen(const char* wanted, bool kernel_writes) { return choose_engine(wanted, kernel_writes).engine->name(); }
std::string note(const char* wanted, bool kernel_writes) { return choose_engine(wanted, kernel_writes).note; }
bool contains(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

// In a child, which may give up rights.
template <class Check>
void in_child(Check&& check) {
  const pid_t child = fork();
  if (child == 0) {
    check();
    _exit(0);
  }
  int status = 0;
  CHECK_EQUAL(waitpid(child, &status, 0), child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

// As Docker's default profile does.
void forbid_userfaultfd() {
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_userfaultfd, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog filter{sizeof program / sizeof program[0], program};
  CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0);
}

void engines_are_chosen_by_name() {
  for (const char* const name : {"stop", "fork", "cow-mprotect"}) {
    CHECK(chosen(name, false) == name);
    CHECK(note(name, false).empty());
  }
  CHECK(note("auto", true).empty());
}

void what_does_not_exist_is_said() {
  CHECK(contains(note("magic", false), "snapshot engine magic does not exist; "));
  CHECK(chosen("magic", false) == chosen("auto", false));
}

void system_calls_rule_out_mprotect() {
  CHECK(chosen("cow-mprotect", true) == chosen("auto", true));
  CHECK(contains(note("cow-mprotect", true), "reactors_do_io"));
}

// Where the kernel can do it, precopy needs no rights; cow-uffd has to let system calls fail without them.
void without_rights() {
  if (geteuid() != 0) return;
  const bool kernel_can = chosen("precopy", true) == "precopy";
  in_child([&] {
    CHECK(setgid(65534) == 0);
    CHECK(setuid(65534) == 0);
    prctl(PR_SET_DUMPABLE, 1);  // as in a program that was started by this user
    CHECK(!kernel_can || chosen("auto", true) == "precopy");
    CHECK(chosen("cow-uffd", true) != "cow-uffd");
    CHECK(!kernel_can || chosen("cow-uffd", false) == "cow-uffd");
  });
}

void in_a_container() {
  const bool kernel_can = chosen("precopy", true) == "precopy";
  in_child([&] {
    forbid_userfaultfd();
    const bool device = access("/dev/userfaultfd", R_OK | W_OK) == 0;
    const std::string name = chosen("auto", true);
    CHECK(name == (device && kernel_can ? "precopy" : "stop"));
    CHECK(device || contains(note("precopy", true), "is not possible here (Operation not permitted); stop is used."));
  });
}

}  // namespace

int main() {
  engines_are_chosen_by_name();
  what_does_not_exist_is_said();
  system_calls_rule_out_mprotect();
  without_rights();
  in_a_container();
}
