// What is mapped where in a process (/proc/PID/maps), and moving a whole ELF image to another address.
#pragma once

#include <string>
#include <vector>

#include "tracee.h"

namespace afterimage::launch {

struct Mapping {
  Address begin;
  Address end;
  std::string protection;  // "r-xp"
  std::string path;        // empty: anonymous
};

// All mappings of one ELF file, in order of address, with the anonymous .bss behind the last.
struct Image {
  std::vector<Mapping> mappings;

  bool empty() const noexcept { return mappings.empty(); }
  Address base() const noexcept { return mappings.front().begin; }
  std::uint64_t bytes() const noexcept { return mappings.back().end - base(); }
  bool contains(Address address) const noexcept { return address - base() < bytes(); }
  const std::string& path() const noexcept { return mappings.front().path; }
};

class AddressSpace {
 public:
  static AddressSpace of(pid_t pid);

  Image image_at(Address address) const;  // empty when nothing is mapped there
  const Mapping* overlapping(Address begin, std::uint64_t bytes) const noexcept;

 private:
  std::vector<Mapping> mappings_;
};

// Returns by how much it moved. Throws TryAgain when something else is in the way.
Address move_image(Tracee& tracee, const Image& image, Address new_base);

}  // namespace afterimage::launch
