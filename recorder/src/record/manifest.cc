#include "record/manifest.h"

#include <asm/prctl.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>

#include "base/file_descriptor.h"
#include "base/hex.h"
#include "base/json_writer.h"
#include "os/disk.h"
#include "os/processor.h"

namespace afterimage {
namespace {

std::string whole_file(const char* path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// Field 47 of /proc/self/stat, counted behind the program's name, which may contain anything.
std::uint64_t brk_start() {
  const std::string stat = whole_file("/proc/self/stat");
  std::size_t at = stat.rfind(')');
  if (at == std::string::npos) return 0;
  for (int field = 2; field < 47 && at != std::string::npos; ++field) at = stat.find(' ', at + 1);
  return at == std::string::npos ? 0 : std::strtoull(stat.c_str() + at + 1, nullptr, 10);
}

std::uint64_t thread_pointer() {
  unsigned long base = 0;
  syscall(SYS_arch_prctl, ARCH_GET_FS, &base);
  return base;
}

std::string random_bytes_of_process() {
  const auto* const bytes = reinterpret_cast<const std::byte*>(getauxval(AT_RANDOM));
  return bytes != nullptr ? hex_bytes({bytes, 16}) : std::string();
}

void write_command_line(JsonWriter& json) {
  const std::string arguments = whole_file("/proc/self/cmdline");
  json.key("commandLine").begin_array();
  for (std::size_t at = 0; at < arguments.size();) {
    const std::size_t end = std::min(arguments.find('\0', at), arguments.size());
    json.string(std::string_view(arguments).substr(at, end - at));
    at = end + 1;
  }
  json.end_array();
}

void write_modules(JsonWriter& json, const std::vector<os::Module>& modules) {
  json.key("modules").begin_array();
  for (const os::Module& module : modules)
    json.begin_object()
        .field("kind", module.kind)
        .field("base", hex(module.base))
        .field("bytes", module.bytes)
        .field("buildId", module.build_id)
        .field("path", module.path)
        .end_object();
  json.end_array();
}

std::string executable_of(const std::vector<os::Module>& modules) {
  for (const os::Module& module : modules)
    if (std::strcmp(module.kind, "exe") == 0) return module.path;
  return {};
}

std::string working_directory() {
  char path[PATH_MAX];
  return getcwd(path, sizeof path) != nullptr ? path : "";
}

}  // namespace

std::string manifest_json(const ProcessDescription& process) {
  utsname machine{};
  uname(&machine);
  JsonWriter json;
  json.begin_object();
  json.key("format").begin_object();
  json.field("name", "afterimage").field("major", std::uint64_t{1}).field("minor", std::uint64_t{0}).end_object();
  json.field("uuid", process.uuid).field("library", "afterimage 0.1.0");
  json.field("wordBits", std::uint64_t{64}).field("machine", "x86_64").field("pageBytes", std::uint64_t{4096});
  json.field("pid", static_cast<std::uint64_t>(getpid()));
  json.field("startTimeNs", std::to_string(process.start_time_ns));
  json.field("hostname", machine.nodename).field("kernel", std::string(machine.sysname) + " " + machine.release);
  json.field("executable", executable_of(process.modules));
  write_command_line(json);
  json.field("workingDirectory", working_directory());
  json.field("snapshotEngine", process.snapshot_engine);
  write_modules(json, process.modules);
  json.field("atRandom", random_bytes_of_process());
  json.field("fsBase", hex(thread_pointer())).field("brkStart", hex(brk_start()));
  json.field("hwcap", hex(getauxval(AT_HWCAP))).field("hwcap2", hex(getauxval(AT_HWCAP2)));
  json.key("processor").begin_array();
  for (const std::string& name : os::used_instruction_sets()) json.string(name);
  json.end_array();
  json.end_object();
  return json.text() + "\n";
}

std::string reactor_json(const ReactorDescription& reactor) {
  const auto& [place, name, type, heap, settings, construction] = reactor;
  JsonWriter json;
  json.begin_object().field("id", std::uint64_t{place.id}).field("name", name).field("type", type);
  json.key("heap").begin_object().field("base", hex(heap.base())).field("bytes", heap.slot_bytes());
  if (const std::string text = to_text(settings); !text.empty()) json.field("settings", text);
  json.end_object().field("object", hex(heap.object()));
  if (place.since_ns != 0) json.field("numberSinceNs", std::to_string(place.since_ns));
  if (!construction.signature.empty()) {
    json.key("genesis").begin_object().field("construction", construction.signature);
    if (!construction.missing.empty()) json.field("missing", construction.missing);
    json.end_object();
  }
  json.end_object();
  return json.text() + "\n";
}

Status write_file(const std::string& path, const std::string& content, bool sync) {
  const std::string temporary = path + ".tmp";
  const auto failed = [&](int error) {
    unlink(temporary.c_str());
    return Status(error, path + " cannot be written: " + std::strerror(error) + ".");
  };
  const FileDescriptor file(open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!file.valid()) return failed(errno);
  for (std::size_t at = 0; at < content.size();) {
    const ssize_t written = write(file.get(), content.data() + at, content.size() - at);
    if (written <= 0) return failed(written == 0 ? ENOSPC : errno);
    at += static_cast<std::size_t>(written);
  }
  if (sync && fsync(file.get()) != 0) return failed(errno);
  if (rename(temporary.c_str(), path.c_str()) != 0) return failed(errno);
  if (sync) os::sync_directory(os::directory_of(path));
  return {};
}

}  // namespace afterimage
