#include "format/control.h"

#include <cstring>

#include "base/file_descriptor.h"

namespace afterimage::format {

ReactorSlot read_reactor_slot(const std::string& control_path, std::uint32_t reactor) {
  const FileDescriptor file(open(control_path.c_str(), O_RDONLY | O_CLOEXEC));
  char magic[sizeof kControlMagic] = {};
  ReactorSlot slot{};
  const auto place = static_cast<off_t>(offsetof(Control, slots) + std::size_t{reactor} * sizeof slot);
  const bool is_control = pread(file.get(), magic, sizeof magic, 0) == sizeof magic && std::memcmp(magic, kControlMagic, sizeof magic) == 0;
  if (!is_control || reactor >= kReactorSlots || pread(file.get(), &slot, sizeof slot, place) != sizeof slot) return {};
  return slot;
}

}  // namespace afterimage::format
