#include "plan.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <string_view>

namespace afterimage::launch {

namespace {

constexpr std::uint64_t page_bytes = 4096;
constexpr Address address_limit = Address{1} << 47;
constexpr std::size_t plan_limit_bytes = std::size_t{16} << 20;

// One line of the plan, eaten from the left, and what to say when it is not as expected.
class Line {
 public:
  Line(std::string_view rest, std::string where) : rest_(rest), where_(std::move(where)) {}

  std::string_view word() {
    const auto end = rest_.find(' ');
    const auto result = rest_.substr(0, end);
    rest_ = end == std::string_view::npos ? std::string_view() : rest_.substr(end + 1);
    return result;
  }

  std::string_view rest() const { return rest_; }

  std::uint64_t number(const char* what, int base) {
    const auto digits = word();
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
    if (error != std::errc() || end != digits.data() + digits.size()) {
      fail(text(what, " must be a ", base == 16 ? "hex number without 0x" : "number", ", not \"", digits, "\""));
    }
    return value;
  }

  Address address(const char* what) {
    const auto value = number(what, 16);
    if (value >= address_limit) fail(text(what, " ", hex(value), " is not an address of a user process"));
    return value;
  }

  void end() const {
    if (!rest_.empty()) fail(text("unexpected \"", rest_, "\" at the end of the line"));
  }

  [[noreturn]] void fail(const std::string& problem) const {
    throw LaunchError(ExitCode::usage, where_, ": ", problem, ". Write the plan again from the recording.");
  }

 private:
  std::string_view rest_;
  std::string where_;
};

ModuleKind parse_kind(Line& line) {
  const auto word = line.word();
  if (word == "exe") return ModuleKind::exe;
  if (word == "interp") return ModuleKind::interp;
  if (word == "lib") return ModuleKind::lib;
  if (word == "vdso") return ModuleKind::vdso;
  line.fail(text("module kind must be exe, interp, lib or vdso, not \"", word, "\""));
}

bool is_hex(std::string_view digits) {
  return digits.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::string parse_build_id(Line& line) {
  const auto word = line.word();
  if (word == "-") return {};
  if (word.empty() || !is_hex(word)) line.fail(text("build-id must be lower-case hex digits or -, not \"", word, "\""));
  return std::string(word);
}

Module parse_module(Line& line) {
  Module module{};
  module.kind = parse_kind(line);
  module.base = line.address("module base");
  module.bytes = line.number("module size", 16);
  module.build_id = parse_build_id(line);
  module.path = std::string(line.rest());
  if (module.base % page_bytes != 0) line.fail(text("module base ", hex(module.base), " is not page-aligned"));
  if (module.bytes == 0 || module.bytes % page_bytes != 0 || module.bytes > address_limit - module.base) {
    line.fail(text("module size ", hex(module.bytes), " is impossible"));
  }
  if (module.path.empty() && module.kind != ModuleKind::vdso) line.fail("module without a path");
  return module;
}

std::array<unsigned char, 16> parse_at_random(Line& line) {
  std::array<unsigned char, 16> bytes{};
  const auto digits = line.word();
  if (digits.size() != 32 || !is_hex(digits)) line.fail("at-random must be 32 lower-case hex digits");
  for (std::size_t i = 0; i < bytes.size(); i++) {
    std::from_chars(digits.data() + 2 * i, digits.data() + 2 * i + 2, bytes[i], 16);
  }
  line.end();
  return bytes;
}

void require_path(Line& line, const char* what) {
  if (line.rest().empty()) line.fail(text(what, " without a path"));
}

void parse_item(Plan& plan, Line& line) {
  const auto key = line.word();
  if (key == "module") {
    plan.modules.push_back(parse_module(line));
    return;
  }
  if (key == "recording") return require_path(line, "recording");
  if (key == "known-as") return require_path(line, "known-as");  // for the replayer
  if (key == "at-random") {
    plan.at_random = parse_at_random(line);
    return;
  }
  if (key == "fs") plan.fs = line.address("fs");
  else if (key == "brk") plan.brk = line.address("brk");
  else if (key == "reactor") line.number("reactor", 10);
  else if (key == "wait-debugger") {
    if (line.number("wait-debugger", 10) > 1) line.fail("wait-debugger must be 0 or 1");
  } else {
    line.fail(text("unknown item \"", key.substr(0, 40), "\""));
  }
  line.end();
}

void check_modules(const Plan& plan, const std::string& name) {
  int executables = 0;
  for (const auto& one : plan.modules) {
    if (one.kind == ModuleKind::exe) executables++;
    for (const auto& other : plan.modules) {
      if (&one < &other && one.base < other.base + other.bytes && other.base < one.base + one.bytes) {
        throw LaunchError(ExitCode::usage, name, ": ", one.path, " and ", other.path, " overlap at ",
                          hex(std::max(one.base, other.base)), ". Write the plan again from the recording.");
      }
    }
  }
  if (executables != 1) {
    throw LaunchError(ExitCode::usage, name, ": ", executables,
                      " modules of kind exe, there must be one. Write the plan again from the recording.");
  }
}

}  // namespace

const Module* Plan::module_of(ModuleKind kind) const noexcept {
  for (const auto& module : modules) {
    if (module.kind == kind) return &module;
  }
  return nullptr;
}

Plan parse_plan(std::string plan_text, const std::string& name) {
  Plan plan;
  plan.text = std::move(plan_text);
  std::string_view rest = plan.text;
  for (int number = 1; !rest.empty(); number++) {
    const auto end = rest.find('\n');
    Line line(rest.substr(0, end), text(name, ", line ", number));
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    if (number > 1) parse_item(plan, line);
    else if (line.rest() != "afterimage-plan 1") line.fail("a plan begins with the line \"afterimage-plan 1\"");
  }
  check_modules(plan, name);
  if (plan.text.back() != '\n') plan.text += '\n';
  return plan;
}

Plan read_plan(const std::string& path) {
  const bool from_stdin = path == "-";
  const std::string name = from_stdin ? "the plan on stdin" : text("plan ", path);
  const int fd = from_stdin ? STDIN_FILENO : open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) throw LaunchError(ExitCode::usage, name, " cannot be opened: ", error_text(errno), ".");
  std::string content;
  char block[8192];
  ssize_t got = 0;
  while ((got = read(fd, block, sizeof block)) > 0 && content.size() < plan_limit_bytes) {
    content.append(block, static_cast<std::size_t>(got));
  }
  const int read_error = errno;
  if (!from_stdin) close(fd);
  if (got < 0) throw LaunchError(ExitCode::usage, name, " cannot be read: ", error_text(read_error), ".");
  if (got > 0) throw LaunchError(ExitCode::usage, name, " is longer than 16 MiB, so it is no plan.");
  return parse_plan(std::move(content), name);
}

}  // namespace afterimage::launch
