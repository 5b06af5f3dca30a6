#include "replay/reports.h"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/hex.h"
#include "base/raw_log.h"

namespace afterimage::replay {
namespace {

void write_all(const char* text, std::size_t bytes) noexcept {
  while (bytes > 0) {
    const ssize_t written = write(kReportDescriptor, text, bytes);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    text += written;
    bytes -= static_cast<std::size_t>(written);
  }
}

// A fixed buffer: snprintf may allocate, and the program has just crashed.
class SafeLine {
 public:
  SafeLine& text(const char* text) noexcept {
    while (*text != '\0' && length_ < sizeof characters_) characters_[length_++] = *text++;
    return *this;
  }
  SafeLine& decimal(std::uint64_t value) noexcept { return digits(value, 10); }
  SafeLine& hexadecimal(std::uint64_t value) noexcept { return text("0x").digits(value, 16); }
  void write() noexcept {
    write_all(characters_, length_);
    length_ = 0;
  }

 private:
  SafeLine& digits(std::uint64_t value, std::uint64_t base) noexcept {
    char reversed[24];
    int count = 0;
    do reversed[count++] = "0123456789abcdef"[value % base];
    while ((value /= base) != 0);
    while (count > 0 && length_ < sizeof characters_) characters_[length_++] = reversed[--count];
    return *this;
  }

  char characters_[512];
  std::size_t length_ = 0;
};

}  // namespace

void report(const JsonWriter& json) {
  const std::string line = json.text() + "\n";
  write_all(line.data(), line.size());
}

void report_error(const std::string& message) {
  RawLine().text(message.c_str()).print();
  JsonWriter json;
  report(json.begin_object().field("event", "error").field("message", message).end_object());
}

void report_relocated(const Relocator& relocator) {
  const RelocatedWords& words = relocator.words();
  JsonWriter json;
  json.begin_object().field("event", "relocated").field("from", hex(relocator.relocation().recorded));
  json.field("to", hex(relocator.relocation().here)).field("bytes", std::uint64_t{relocator.relocation().bytes});
  json.field("heap", words.heap).field("variables", words.variables).field("thread", words.thread);
  json.field("dangling", words.dangling).field("left", words.left).field("unreached", words.unreached);
  json.field("how", relocator.walks() ? "walked" : "searched").key("searched").begin_array();
  for (const std::string& type : words.searched) json.string(type);
  json.end_array().key("hashedByAddress").begin_array();
  for (const std::string& type : words.hashed_by_address) json.string(type);
  report(json.end_array().end_object());
}

void report_stopped(std::uint64_t position, std::uint64_t target) {
  JsonWriter json;
  json.begin_object().field("event", "stopped").field("position", position);
  report(json.field("reason", position >= target ? "target" : "end").end_object());
}

void report_pages(const PagesReport& pages) noexcept {
  SafeLine line;
  line.text("{\"event\":\"pages\",\"compared\":").decimal(pages.compared);
  line.text(",\"different\":").decimal(pages.different).text(",\"missing\":").decimal(pages.missing);
  line.text(",\"differentWords\":").decimal(pages.different_words).text(",\"words\":[").write();
  for (std::uint64_t i = 0; i < pages.different_words && i < PagesReport::kWords; ++i) {
    line.text(i == 0 ? "[\"" : ",[\"").hexadecimal(pages.words[i].address);
    line.text("\",\"").hexadecimal(pages.words[i].recorded);
    line.text("\",\"").hexadecimal(pages.words[i].replayed).text("\"]").write();
  }
  line.text("]}\n").write();
}

void report_crash(std::uint64_t event, int signal, int code, std::uint64_t address, std::uint64_t rip,
                  std::uint64_t rsp) noexcept {
  SafeLine line;
  line.text("{\"event\":\"crash\",\"eventNumber\":").decimal(event);
  line.text(",\"signal\":").decimal(static_cast<std::uint64_t>(signal));
  line.text(",\"code\":").text(code < 0 ? "-" : "").decimal(static_cast<std::uint64_t>(code < 0 ? -code : code));
  line.text(",\"address\":\"").hexadecimal(address).text("\",\"rip\":\"").hexadecimal(rip);
  line.text("\",\"rsp\":\"").hexadecimal(rsp).text("\"}\n").write();
}

void report_unrecorded_crash(std::uint64_t event, int code, std::uint64_t address, bool stale) noexcept {
  constexpr std::uint64_t kSmallestPointer = 64 * 1024;
  const bool nothing_there = code == SEGV_MAPERR && address >= kSmallestPointer;
  SafeLine line;
  line.text("{\"event\":\"divergence\",\"eventNumber\":").decimal(event);
  line.text(",\"kind\":\"crash\",\"call\":\"\",\"site\":\"\",\"recorded\":\"react() returned\",\"replayed\":\"it crashed at address ");
  line.hexadecimal(address).text("\",\"cause\":\"");
  line.text(stale ? "The reactor was moved, because its recorded slot is taken here, and this pointer into it was not found: perhaps "
                    "it is stored in parts, or with other bits."
            : nothing_there ? "There is no memory at this address in the replay. Perhaps the recorded program had data there, in its ordinary heap: what "
                            "a reactor only points to is not recorded."
                          : "The reactor's state differs since before this event.");
  line.text("\"}\n").write();
}

}  // namespace afterimage::replay
