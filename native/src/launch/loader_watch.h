// Watches ld.so at work and gives every library, and the main thread's TLS block, its recorded address.
//
// What ld.so does for one library, and what becomes of it:
//
//     openat(path)                                          remembered
//     mmap(NULL, extent, MAP_DENYWRITE, fd, 0)              gets the recorded base; the rest is MAP_FIXED inside it
//   or, where p_align is larger than a page (glibc >= 2.35):
//     mmap(NULL, extent + align, PROT_NONE, anonymous)      gets the recorded base, cut to the extent
//     munmap(what is too much)                              dropped: it would hit a neighbour
//
// Only ld.so passes MAP_DENYWRITE. Sanitizers map libraries as data, too, and those mappings may be anywhere.
//
// The TLS block of the main thread is in one of ld.so's anonymous mappings (see main_tls.h).
#pragma once

#include <set>
#include <string>
#include <vector>

#include "main_tls.h"
#include "recorded_modules.h"
#include "tracee.h"

namespace afterimage::launch {

class LoaderWatch {
 public:
  // `slot_must_be_free`: what is in the reactor's slot is a reason to try again, else the replayer has to do without.
  LoaderWatch(Tracee& tracee, const RecordedModules& recorded, MainTls& tls, bool slot_must_be_free)
      : tracee_(tracee), recorded_(recorded), plan_(recorded.plan()), tls_(tls), slot_must_be_free_(slot_must_be_free) {}

  enum class End { ready, exec };

  // Lets the program run from the exit of one system call until the replayer is ready (then it stands at the exit of
  // its prctl) or the program replaces itself. Throws TryAgain, and LaunchError when it ends.
  End run();

 private:
  struct Call {
    enum class Kind { ordinary, open, mapping, dropped, ready } kind = Kind::ordinary;
    Address wanted = 0;                // mapping: where it must be; 0: anywhere
    bool counts_as_anonymous = false;  // mapping: might be the TLS block
    std::uint64_t bytes = 0;
  };

  Call on_entry(Registers registers);
  void on_exit(const Call& call);
  Call on_prctl(const Registers& registers) const;
  Call on_mmap(Registers registers);
  Call on_munmap(Registers registers);
  void on_set_fs(Address fs);

  const Module* library_reserved_by(const Registers& mmap);
  Call on_anonymous_mmap(const Registers& registers);
  Call redirect(Registers mmap, Address place, std::uint64_t bytes);
  void tell_missing() const;
  std::string name_of(int fd) const;

  Tracee& tracee_;
  const RecordedModules& recorded_;
  const Plan& plan_;
  MainTls& tls_;
  const bool slot_must_be_free_;

  std::vector<AnonymousMapping> anonymous_;  // ld.so's, until the thread pointer is set
  bool thread_pointer_set_ = false;
  int last_opened_ = -1;
  Address trim_at_ = 0;  // the munmap to drop; 0: none
  std::set<const Module*> placed_;
};

}  // namespace afterimage::launch
