#include "format/saved_reactor.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "format/crc32.h"

namespace afterimage::format {
namespace {

constexpr std::size_t kWord = 8;
constexpr std::size_t kHeadUnchecked = offsetof(SavedHead, head_crc) + sizeof(SavedHead::head_crc);

// Most lines that are not zero show it in their first word.
bool is_zero_line(const std::byte* line) noexcept {
  std::uint64_t words[kSavedLine / kWord];
  std::memcpy(words, line, sizeof words[0]);
  if (words[0] != 0) return false;
  std::memcpy(words, line, sizeof words);
  std::uint64_t all = 0;
  for (const std::uint64_t word : words) all |= word;
  return all == 0;
}

std::size_t end_of(const std::byte* data, std::size_t at, std::size_t bytes, bool zero) noexcept {
  while (at < bytes && is_zero_line(data + at) == zero) at += kSavedLine;
  return at;
}

template <typename T>
void append_value(Bytes& to, const T& value) {
  const auto* const bytes = reinterpret_cast<const std::byte*>(&value);
  to.insert(to.end(), bytes, bytes + sizeof value);
}

void append_text(Bytes& to, std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  to.insert(to.end(), bytes.begin(), bytes.end());
}

std::string_view text_of(std::span<const std::byte> bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

void SavedRunWriter::add(std::uint64_t offset, const std::byte* data, std::size_t bytes) noexcept {
  constexpr std::size_t kPiece = 4096;  // is still in the nearest cache when it is copied
  for (std::size_t at = 0; at < bytes;) {
    const std::size_t begin = end_of(data, at, bytes, true), end = end_of(data, begin, std::min(bytes, begin + kPiece), false);
    if (begin < end) append(offset + begin, data + begin, end - begin);
    at = end;
  }
}

void SavedRunWriter::append(std::uint64_t offset, const std::byte* data, std::size_t bytes) noexcept {
  const bool goes_on = run_ != nullptr && offset == next_offset_ && static_cast<std::size_t>(at_ - run_) < kLongestRun;
  if (!goes_on) {
    end_run();
    const SavedRun run{offset, 0};
    run_ = at_;
    std::memcpy(at_, &run, sizeof run);
    at_ += sizeof run;
  }
  std::memcpy(at_, data, bytes);
  at_ += bytes;
  next_offset_ = offset + bytes;
}

void SavedRunWriter::end_run() noexcept {
  if (run_ == nullptr) return;
  const std::uint64_t bytes = static_cast<std::uint64_t>(at_ - run_) - sizeof(SavedRun);
  std::memcpy(run_ + offsetof(SavedRun, bytes), &bytes, sizeof bytes);
  crc_ = crc32({run_, at_}, crc_);
  run_ = nullptr;
}

Status read_saved_reactor(std::span<const std::byte> saved, SavedReactor& reactor) {
  SavedHead& head = reactor.head;
  if (saved.size() >= sizeof head) std::memcpy(&head, saved.data(), sizeof head);
  if (std::memcmp(head.magic, kSavedMagic, sizeof kSavedMagic) != 0)
    return Status(0, "these " + std::to_string(saved.size()) + " bytes are not a saved reactor.");
  if (head.version != 1) return Status(0, "the saved reactor has version " + std::to_string(head.version) + ", this library reads 1.");
  if (head.bytes != saved.size())
    return Status(0, "the saved reactor is damaged: of " + std::to_string(head.bytes) + " bytes there are " + std::to_string(saved.size()) + ".");
  const auto damaged = [] { return Status(0, "the saved reactor is damaged: its checksum is another one."); };
  const std::size_t type_bytes = align_up<std::size_t>(head.type_bytes, kWord);
  std::span<const std::byte> rest = saved.subspan(sizeof head);
  if (type_bytes > rest.size() || head.modules_bytes > rest.size() - type_bytes) return damaged();
  const std::size_t head_bytes = sizeof head + type_bytes + head.modules_bytes;
  if (crc32(saved.subspan(kHeadUnchecked, head_bytes - kHeadUnchecked)) != head.head_crc) return damaged();
  reactor.type = text_of(rest.first(head.type_bytes));
  reactor.modules = rest.subspan(type_bytes, head.modules_bytes);
  reactor.runs = rest.subspan(type_bytes + head.modules_bytes);
  return {};
}

void write_saved_head(std::span<std::byte> saved, SavedHead head, std::string_view type, std::span<const std::byte> modules) noexcept {
  std::memcpy(head.magic, kSavedMagic, sizeof head.magic);
  head.version = 1;
  head.bytes = saved.size();
  head.type_bytes = static_cast<std::uint32_t>(type.size());
  head.modules_bytes = static_cast<std::uint32_t>(modules.size());
  const std::size_t all = saved_head_bytes(type, modules);
  std::memset(saved.data() + sizeof head, 0, all - sizeof head);
  std::memcpy(saved.data() + sizeof head, type.data(), type.size());
  std::memcpy(saved.data() + all - modules.size(), modules.data(), modules.size());
  std::memcpy(saved.data(), &head, sizeof head);
  head.head_crc = crc32(saved.subspan(kHeadUnchecked, all - kHeadUnchecked));
  std::memcpy(saved.data(), &head, sizeof head);
}

bool next_run(std::span<const std::byte>& runs, std::uint64_t slot_bytes, SavedRun& run, std::span<const std::byte>& data) noexcept {
  if (runs.size() < sizeof run) return false;
  std::memcpy(&run, runs.data(), sizeof run);
  const bool is_whole = (run.offset | run.bytes) % kSavedLine == 0 && run.bytes <= runs.size() - sizeof run;
  if (!is_whole || run.offset > slot_bytes || run.bytes > slot_bytes - run.offset) return false;
  data = runs.subspan(sizeof run, run.bytes);
  runs = runs.subspan(sizeof run + run.bytes);
  return true;
}

void append_module(Bytes& modules, const ModuleInSaved& module) {
  append_value(modules, SavedModule{module.base, module.bytes, static_cast<std::uint32_t>(module.build_id.size()),
                                    static_cast<std::uint32_t>(module.path.size())});
  append_text(modules, module.build_id);
  append_text(modules, module.path);
  modules.resize(align_up(modules.size(), kWord));
}

bool next_module(std::span<const std::byte>& modules, ModuleInSaved& module) noexcept {
  SavedModule fixed;
  if (modules.size() < sizeof fixed) return false;
  std::memcpy(&fixed, modules.data(), sizeof fixed);
  const std::size_t text = std::size_t{fixed.build_id_bytes} + fixed.path_bytes, all = align_up(sizeof fixed + text, kWord);
  if (all > modules.size()) return false;
  module = {.base = fixed.base, .bytes = fixed.bytes, .build_id = text_of(modules.subspan(sizeof fixed, fixed.build_id_bytes)),
            .path = text_of(modules.subspan(sizeof fixed + fixed.build_id_bytes, fixed.path_bytes))};
  modules = modules.subspan(all);
  return true;
}

}  // namespace afterimage::format
