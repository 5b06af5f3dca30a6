#include "address_space.h"

#include <sys/mman.h>
#include <sys/syscall.h>

#include <cstdio>
#include <fstream>

namespace afterimage::launch {

namespace {

Mapping parse_mapping(const std::string& line) {
  unsigned long begin = 0;
  unsigned long end = 0;
  char protection[8] = "";
  int path_at = 0;
  std::sscanf(line.c_str(), "%lx-%lx %7s %*s %*s %*s %n", &begin, &end, protection, &path_at);
  const auto path_begin = static_cast<std::size_t>(path_at);
  return {begin, end, protection, path_begin < line.size() ? line.substr(path_begin) : std::string()};
}

}  // namespace

AddressSpace AddressSpace::of(pid_t pid) {
  AddressSpace space;
  std::ifstream maps(text("/proc/", pid, "/maps"));
  for (std::string line; std::getline(maps, line);) space.mappings_.push_back(parse_mapping(line));
  return space;
}

Image AddressSpace::image_at(Address address) const {
  Image image;
  const std::string* path = nullptr;
  for (const auto& mapping : mappings_) {
    if (address >= mapping.begin && address < mapping.end) path = &mapping.path;
  }
  if (path == nullptr) return image;
  for (const auto& mapping : mappings_) {
    const bool is_bss = !image.empty() && mapping.path.empty() && mapping.begin == image.mappings.back().end;
    if (mapping.path == *path || is_bss) image.mappings.push_back(mapping);
  }
  return image;
}

const Mapping* AddressSpace::overlapping(Address begin, std::uint64_t bytes) const noexcept {
  for (const auto& mapping : mappings_) {
    if (mapping.begin < begin + bytes && begin < mapping.end) return &mapping;
  }
  return nullptr;
}

Address move_image(Tracee& tracee, const Image& image, Address new_base) {
  const Address delta = new_base - image.base();
  if (delta == 0) return 0;
  const auto space = AddressSpace::of(tracee.pid());
  if (const auto* other = space.overlapping(new_base, image.bytes())) {
    throw TryAgain{text(image.path(), " belongs at ", hex(new_base), ", where ", other->path, " is")};
  }
  for (const auto& mapping : image.mappings) {
    const auto bytes = mapping.end - mapping.begin;
    const auto target = mapping.begin + delta;
    const auto result = tracee.call(SYS_mremap, mapping.begin, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, target);
    if (result == static_cast<long>(target)) continue;
    throw LaunchError(ExitCode::not_permitted, image.path(), " could not be moved from ", hex(mapping.begin), " to ",
                      hex(target), ": ", error_text(static_cast<int>(-result)), ".");
  }
  return delta;
}

}  // namespace afterimage::launch
