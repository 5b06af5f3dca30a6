#include "record/no_heap.h"

#include <errno.h>
#include <sys/resource.h>

#include <cstring>

#include "heap/slots.h"

namespace afterimage::detail {
namespace {

std::string limit_of(int resource, const char* name) {
  rlimit limit{};
  if (getrlimit(static_cast<__rlimit_resource_t>(resource), &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return {};
  return std::to_string(limit.rlim_cur >> 10) + " KiB (" + name + ")";
}

std::string reason(int error) {
  const std::string addresses = limit_of(RLIMIT_AS, "ulimit -v"), locked = limit_of(RLIMIT_MEMLOCK, "ulimit -l");
  if (error == EAGAIN && !locked.empty())
    return "after mlockall(MCL_FUTURE) they count as locked memory, and the limit of that is " + locked + ". Raise it, or lock single pages (mlock).";
  if (error == ENOMEM && !addresses.empty()) return "the limit of addresses is " + addresses + ".";
  if (error == ENOMEM)
    return "the kernel has none to give: vm.overcommit_memory = 2 counts them as memory, and vm.max_map_count limits how many mappings there are.";
  return std::string("the kernel says: ") + std::strerror(error) + ".";
}

}  // namespace

// ENOMEM for all of them: to a log EAGAIN means that it goes on soon.
Status no_heap(const std::string& reactor, int error) {
  if (error == ENOSPC)
    return Status(ENOMEM, "reactor " + reactor + " finds no free place for a heap: all " + std::to_string(kLargeSlots) + " of 64 GiB and " +
                             std::to_string(kSmallSlots) + " of 1 GiB are taken in this process.");
  return Status(ENOMEM, "reactor " + reactor + " finds no addresses for a heap. It needs 64 GiB of them, or at least 1, from 0x400000000000 on, " +
                           "whatever the memory that it uses, but " + reason(error));
}

}  // namespace afterimage::detail
