#include "os/memory_limit.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <optional>
#include <sstream>
#include <string_view>

#include "base/file_descriptor.h"
#include "os/pages.h"

namespace afterimage::os {
namespace {

// Where the memory controller is: which cgroup is seen as the directory `point`, and the cgroup of this process.
struct Mount {
  std::string root, point, group;
};

// A line of /proc/self/mountinfo: "36 35 98:0 ROOT POINT OPTIONS ... - TYPE SOURCE OPTIONS".
std::optional<Mount> mount_of(const std::string& line, bool version_1) {
  const std::size_t dash = line.find(" - ");
  if (dash == line.npos) return {};
  std::istringstream before(line.substr(0, dash)), after(line.substr(dash + 3));
  std::string skipped, type, options;
  Mount mount;
  before >> skipped >> skipped >> skipped >> mount.root >> mount.point;
  after >> type >> skipped >> options;
  const bool has_memory = (',' + options + ',').find(",memory,") != options.npos;
  if (version_1 ? type != "cgroup" || !has_memory : type != "cgroup2") return {};
  return mount;
}

// "4:memory:/GROUP" in version 1, "0::/GROUP" in version 2.
std::optional<std::string> group_of_process(bool version_1) {
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == line.npos || second == line.npos) continue;
    const std::string controllers = ',' + line.substr(first + 1, second - first - 1) + ',';
    if (version_1 ? controllers.find(",memory,") != line.npos : controllers == ",,") return line.substr(second + 1);
  }
  return {};
}

std::optional<Mount> find_mount(bool version_1) {
  const auto group = group_of_process(version_1);
  if (!group) return {};
  std::ifstream mounts("/proc/self/mountinfo");
  for (std::string line; std::getline(mounts, line);) {
    auto mount = mount_of(line, version_1);
    if (!mount) continue;
    mount->group = *group;
    return mount;
  }
  return {};
}

// `path` is no std::string: a literal would be made one, for which there may be no memory.
std::string_view read(const char* path, char* buffer, std::size_t bytes) noexcept {
  const FileDescriptor file(open(path, O_RDONLY | O_CLOEXEC));
  const ssize_t got = file.valid() ? ::read(file.get(), buffer, bytes) : -1;
  return {buffer, got > 0 ? static_cast<std::size_t>(got) : 0};
}

// kNone for what is no number: "max", or no file.
std::uint64_t number_at(std::string_view text) noexcept {
  std::uint64_t value = 0;
  return std::from_chars(text.data(), text.data() + text.size(), value).ec == std::errc() ? value : MemoryLimit::kNone;
}

std::uint64_t number_in(const std::string& path) noexcept {
  char buffer[32];
  return number_at(read(path.c_str(), buffer, sizeof buffer));
}

// Of a line "NAME NUMBER".
std::uint64_t statistic(std::string_view text, std::string_view name) noexcept {
  for (std::size_t at = 0; (at = text.find(name, at)) != text.npos; at += name.size()) {
    const bool is_line = (at == 0 || text[at - 1] == '\n') && text.substr(at + name.size()).starts_with(' ');
    if (is_line) return number_at(text.substr(at + name.size() + 1));
  }
  return 0;
}

// Of the machine, but for a little: others begin something, too.
std::uint64_t available_bytes() noexcept {
  char buffer[512];
  const std::string_view text = read("/proc/meminfo", buffer, sizeof buffer);
  const std::size_t name = text.find("MemAvailable:");
  if (name == text.npos) return MemoryLimit::kNone;
  const std::size_t digits = text.find_first_of("0123456789", name);
  const std::uint64_t kilobytes = digits == text.npos ? MemoryLimit::kNone : number_at(text.substr(digits));
  return kilobytes == MemoryLimit::kNone ? kilobytes : kilobytes * 1024 / 16 * 15;
}

}  // namespace

MemoryLimit::MemoryLimit() {
  auto mount = find_mount(true);
  is_version_1_ = mount.has_value();
  if (!mount) mount = find_mount(false);
  if (!mount) return;
  // In a container the directory may show a part of the tree only, whose name for itself is the host's.
  std::string group = mount->group;
  if (mount->root != "/" && group.starts_with(mount->root)) group.erase(0, mount->root.size());
  if (group == "/") group.clear();
  if (access((mount->point + group).c_str(), F_OK) != 0) group.clear();
  for (;; group.erase(group.rfind('/'))) {
    add_group(mount->point + group);
    if (group.find('/') == group.npos) break;
  }
}

void MemoryLimit::add_group(const std::string& directory) {
  const auto file = [&](const char* in_version_1, const char* in_version_2) {
    return directory + (is_version_1_ ? in_version_1 : in_version_2);
  };
  groups_.push_back({.limit = file("/memory.limit_in_bytes", "/memory.max"),
                     .usage = file("/memory.usage_in_bytes", "/memory.current"),
                     .statistics = directory + "/memory.stat"});
}

std::uint64_t MemoryLimit::room_in(const Group& group) noexcept {
  constexpr std::uint64_t kUnlimited = std::uint64_t{1} << 62;  // version 1 has a number for it
  const std::uint64_t limit = number_in(group.limit);
  if (limit >= kUnlimited) return kNone;
  const std::uint64_t usage = number_in(group.usage);
  if (usage == kNone) return kNone;
  char buffer[8192];
  const std::string_view text = read(group.statistics.c_str(), buffer, sizeof buffer);
  // Version 1 has two of each; those with "total_" count the cgroups inside, too.
  std::uint64_t droppable = 0;
  for (const auto& [total, plain] : {std::pair{"total_inactive_file", "inactive_file"}, std::pair{"total_active_file", "active_file"}})
    droppable += std::max(statistic(text, total), statistic(text, plain));
  const std::uint64_t used = usage - std::min(usage, droppable);
  return limit - std::min(limit, used);
}

std::uint64_t MemoryLimit::room() const noexcept {
  std::uint64_t room = available_bytes();
  for (const Group& group : groups_) room = std::min(room, room_in(group));
  return room;
}

bool MemoryLimit::has_room_for(std::uint64_t bytes) const noexcept {
  constexpr std::uint64_t kLeft = std::uint64_t{4} << 20;
  const std::uint64_t room = this->room();
  return room == kNone || bytes + kLeft <= room;
}

std::uint64_t resident_bytes() noexcept {
  char buffer[128];
  const std::string_view text = read("/proc/self/statm", buffer, sizeof buffer);  // pages in all, resident ones, ...
  const std::size_t space = text.find(' ');
  const std::uint64_t pages = space == text.npos ? MemoryLimit::kNone : number_at(text.substr(space + 1));
  return pages == MemoryLimit::kNone ? pages : pages * kPageBytes;
}

bool is_in_memory(int descriptor) noexcept {
  struct statfs system;
  return fstatfs(descriptor, &system) == 0 && (system.f_type == TMPFS_MAGIC || system.f_type == RAMFS_MAGIC);
}

}  // namespace afterimage::os
