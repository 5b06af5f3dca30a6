#include "auxv.h"

namespace afterimage::launch {

namespace {

// The address behind the NULL that ends argv or envp.
Address behind_null(const Tracee& tracee, Address at) {
  Address word = 0;
  do {
    tracee.read(at, &word, sizeof word);
    at += sizeof word;
  } while (word != 0);
  return at;
}

}  // namespace

Auxv Auxv::read(const Tracee& tracee) {
  Auxv auxv;
  const Address argv = tracee.registers().rsp + sizeof(Address);
  auxv.address_ = behind_null(tracee, behind_null(tracee, argv));
  Elf64_auxv_t entry;
  do {
    tracee.read(auxv.address_ + auxv.bytes(), &entry, sizeof entry);
    auxv.entries_.push_back(entry);
  } while (entry.a_type != AT_NULL);
  return auxv;
}

Address Auxv::value(std::uint64_t type) const noexcept {
  for (const auto& entry : entries_) {
    if (entry.a_type == type) return entry.a_un.a_val;
  }
  return 0;
}

void Auxv::add(std::uint64_t type, Address delta) noexcept {
  for (auto& entry : entries_) {
    if (entry.a_type == type) entry.a_un.a_val += delta;
  }
}

void Auxv::write_back(Tracee& tracee) const { tracee.write(address_, entries_.data(), bytes()); }

}  // namespace afterimage::launch
