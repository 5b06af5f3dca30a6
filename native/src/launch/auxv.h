// The auxiliary vector: what the kernel tells ld.so about the process, above the environment on the first stack page.
#pragma once

#include <elf.h>

#include <vector>

#include "tracee.h"

namespace afterimage::launch {

class Auxv {
 public:
  // `tracee` stands at the first instruction: rsp points at argc.
  static Auxv read(const Tracee& tracee);

  Address value(std::uint64_t type) const noexcept;  // 0 when absent
  void add(std::uint64_t type, Address delta) noexcept;
  void write_back(Tracee& tracee) const;

  Address address() const noexcept { return address_; }
  std::size_t bytes() const noexcept { return entries_.size() * sizeof(Elf64_auxv_t); }

 private:
  Address address_ = 0;
  std::vector<Elf64_auxv_t> entries_;
};

}  // namespace afterimage::launch
