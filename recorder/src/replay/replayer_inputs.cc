// The inputs of the event in progress: served from the log in the order in which react() asks for them, and compared.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <utility>

#include "afterimage/heap.h"
#include "os/hardware_random.h"
#include "os/symbols.h"
#include "replay/replayer.h"

namespace afterimage::replay {
namespace {

using format::CallHeader;
using format::CallRecord;
using format::InputKind;

constexpr std::size_t kWarnings = 16, kDivergences = 16;  // those after the first ones would say nothing new

bool is_call(const LogMessage& message) { return message.is_input(InputKind::call); }

std::string describe_input(const LogMessage& message) {
  if (is_call(message)) return describe(CallRecord(message.input_value()));
  if (message.is_input(InputKind::created_reactor)) return "the creation of a reactor";
  if (message.is_input(InputKind::sent)) return describe(format::SentRecord(message.input_value()), 0);
  return "an input of kind " + std::to_string(message.input_header().kind);
}

// Where in the program; the call itself may come from the C++ library.
std::string program_site(std::uintptr_t site) {
  const std::uintptr_t program = os::calling_program_code();
  return os::code_name(program != 0 ? program : site);
}

bool same_question(const CallHeader& asked, const CallHeader& recorded) {
  return asked.call == recorded.call && asked.arguments == recorded.arguments;
}

// It cannot be known whether the event has executed it.
std::string hint_at_hardware_random() {
  static const std::uintptr_t site = os::find_hardware_random();
  if (site == 0) return {};
  return " Should nothing else explain it: the program has the instruction rdrand or rdseed, whose numbers are not recorded, at " +
         os::code_name(site) + ".";
}

const char* kind_of(const CallHeader& asked) { return (asked.flags & format::kOutput) != 0 ? "output" : "input"; }

}  // namespace

// In another build the address says nothing.
std::string Replayer::recorded_site(const LogMessage& message) const {
  return is_call(message) && !other_build_ ? os::code_name(CallRecord(message.input_value()).header.site) : std::string();
}

// Those that were not taken yet.
std::vector<LogMessage> Replayer::inputs_of_event() {
  auto inputs = events_.peek_inputs();
  std::erase_if(inputs, [&](const LogMessage& message) {
    return message.event != position_ || std::ranges::find(taken_, message.data.data()) != taken_.end();
  });
  return inputs;
}

void Replayer::take(const LogMessage& input) {
  if (!is_strict()) taken_.push_back(input.data.data());
  else events_.next();
}

bool Replayer::input(std::uint16_t kind, void* buffer, std::size_t capacity, std::size_t& bytes) noexcept {
  const OutsideScope outside;
  bytes = 0;
  const auto inputs = inputs_of_event();
  if (inputs.empty() && events_.ends_in_this_event()) return false;
  const auto found = std::ranges::find_if(inputs, [&](const LogMessage& message) { return message.input_header().kind == kind; });
  if (found == inputs.end() || (is_strict() && found != inputs.begin())) {
    diverged({.event = position_, .kind = "input", .call = {}, .site = program_site(0),
              .recorded = inputs.empty() ? "no further input" : describe_input(inputs.front()), .replayed = "the creation of a reactor",
              .cause = "react() took another way before this place."});
    return false;
  }
  const auto value = found->input_value();
  bytes = value.size();
  std::memcpy(buffer, value.data(), std::min(bytes, capacity));
  take(*found);
  return true;
}

bool Replayer::call(const CallHeader& asked, std::span<const std::byte> shown, CallRecord& recorded) {
  const OutsideScope outside;
  const auto message = events_.peek();
  if (!message) return false;  // the recording ends inside this event
  if (!is_strict()) return call_in_any_order(asked, shown, recorded);
  if (message->kind == LogMessage::Kind::input && message->event == position_ && is_call(*message)) {
    recorded = CallRecord(message->input_value());
    if (recorded.header.call == asked.call) {
      compare_call(asked, shown, recorded);
      events_.next();
      return true;
    }
  }
  return other_call(asked, shown, recorded);
}

// Another build, or other events: it may ask in another order. What it writes must come in the same one.
bool Replayer::call_in_any_order(const CallHeader& asked, std::span<const std::byte> shown, CallRecord& recorded) {
  const auto inputs = inputs_of_event();
  const auto first = [&](auto matches) {
    return std::ranges::find_if(inputs, [&](const LogMessage& input) { return is_call(input) && matches(CallRecord(input.input_value()).header); });
  };
  const bool is_output = (asked.flags & format::kOutput) != 0;
  auto found = is_output ? inputs.end() : first([&](const CallHeader& header) { return same_question(asked, header); });
  if (found == inputs.end()) found = first([&](const CallHeader& header) { return header.call == asked.call; });
  if (found == inputs.end()) {
    if (!events_.ends_in_this_event() && asked.id() != format::CallId::failure)
      diverged({.event = position_, .kind = kind_of(asked), .call = format::name_of(asked.id()), .site = program_site(asked.site),
                .recorded = "no such call in this event", .replayed = describe(asked, shown), .cause = {}});
    return false;
  }
  recorded = CallRecord(found->input_value());
  compare_call(asked, shown, recorded);
  take(*found);
  return true;
}

// The same function is called; with the same arguments, from the same place?
void Replayer::compare_call(const CallHeader& asked, std::span<const std::byte> shown, const CallRecord& recorded) {
  if (same_question(asked, recorded.header) && (other_build_ || asked.site == recorded.header.site)) return;
  Divergence divergence{.event = position_, .kind = kind_of(asked), .call = format::name_of(asked.id()),
                        .site = program_site(asked.site), .recorded = describe(recorded.header, recorded.shown),
                        .replayed = describe(asked, shown), .cause = {}};
  if (same_question(asked, recorded.header)) {
    divergence.recorded += " at " + os::code_name(recorded.header.site);
    divergence.replayed += " at " + os::code_name(asked.site);
    divergence.cause = "react() took another way before this call.";
  } else {
    if (divergence.recorded == divergence.replayed) {  // what differs is not shown
      divergence.recorded += " with arguments " + std::to_string(recorded.header.arguments);
      divergence.replayed += " with arguments " + std::to_string(asked.arguments);
    }
    divergence.cause = (asked.flags & format::kOutput) != 0 ? "The reactor's results differ since before this call."
                                                            : "The reactor's state differs since before this call.";
  }
  diverged(std::move(divergence));
}

// The log has something else here. If the call comes later in the event, those in between are missing, and it goes on there.
bool Replayer::other_call(const CallHeader& asked, std::span<const std::byte> shown, CallRecord& recorded) {
  const auto inputs = inputs_of_event();
  const auto later = std::ranges::find_if(inputs, [&](const LogMessage& message) {
    return is_call(message) && same_question(asked, CallRecord(message.input_value()).header);
  });
  Divergence divergence{.event = position_, .kind = kind_of(asked), .call = format::name_of(asked.id()),
                        .site = program_site(asked.site),
                        .recorded = inputs.empty() ? "no further call in this event" : describe_input(inputs.front()),
                        .replayed = describe(asked, shown), .cause = "react() makes a call that it did not make, or another one."};
  if (later != inputs.end()) {
    divergence.cause = std::to_string(later - inputs.begin()) + " recorded call(s) before it, the first at " +
                       recorded_site(inputs.front()) + ", were not made, or later.";
  }
  diverged(std::move(divergence));
  if (later == inputs.end()) return false;
  recorded = CallRecord(later->input_value());
  for (auto skipped = inputs.begin(); skipped != later; ++skipped) events_.next();
  events_.next();
  return true;
}

void Replayer::returned_otherwise(const CallHeader& asked, std::span<const std::byte> shown, const CallRecord& recorded,
                                  std::uint64_t result) {
  const OutsideScope outside;
  CallRecord replayed;
  replayed.header = asked;
  replayed.header.result = result;
  replayed.shown = shown;
  diverged({.event = position_, .kind = "input", .call = format::name_of(asked.id()), .site = program_site(asked.site),
            .recorded = describe(recorded), .replayed = describe(replayed) + (result == recorded.header.result ? " and other bytes" : ""),
            .cause = "The file is not in the recording (Io::pass_files_through), and has changed since."});
}

void Replayer::skip_inputs_not_asked_for(std::uint64_t event) {
  if (!events_.input_comes_next()) return;
  const auto inputs = inputs_of_event();
  const std::size_t all = inputs.size() + std::exchange(taken_, {}).size();
  for (std::size_t i = 0; i < all; ++i) events_.next();
  for (std::size_t i = 0; i < inputs.size(); ++i) not_asked_for(inputs[i], event, inputs.size() - i - 1);
}

void Replayer::not_asked_for(const LogMessage& input, std::uint64_t event, std::size_t more) {
  const CallHeader header = is_call(input) ? CallRecord(input.input_value()).header : CallHeader{};
  if (other_build_ && is_call(input) && header.id() == format::CallId::failure) return;  // mended, perhaps
  const char* const kind = input.is_input(InputKind::sent) ? "outbound" : kind_of(header);
  const std::string others = more > 0 ? " and " + std::to_string(more) + " more" : "";
  diverged({.event = event, .kind = kind, .call = is_call(input) ? format::name_of(header.id()) : "", .site = recorded_site(input),
            .recorded = describe_input(input) + others, .replayed = "react() returned without it",
            .cause = "react() took another way before this call."});
}

void Replayer::warn(const char* kind, std::uintptr_t site, const std::string& what) {
  const OutsideScope outside;
  const bool known = std::ranges::any_of(warnings_, [&](const auto& entry) { return entry.first == site; });
  if (known || warnings_.size() >= kWarnings) return;
  const std::string place = os::code_name(site);
  Warning warning{.event = position_, .kind = kind, .site = place, .message = what + " in react() at " + place + " is not recorded"};
  if (on_warning != nullptr) on_warning(warning);
  warnings_.emplace_back(site, std::move(warning));
}

void Replayer::warn_about_locale() {
  const std::string names = memory_.missing_locale();
  const std::string c = names.c_str(), cpp = names.substr(std::min(c.size() + 1, names.size())).c_str();
  Warning warning{.event = position_, .kind = "locale", .site = {},
                  .message = "the locale of the recorded program, " + c + (cpp == c ? "" : " (C++: " + cpp + ")") + ", cannot be had here"};
  if (std::exchange(warned_about_locale_, true)) return;
  if (on_warning != nullptr) on_warning(warning);
  warnings_.emplace_back(0, std::move(warning));
}

void Replayer::diverged(std::uint64_t event, const char* kind, const std::string& recorded, const std::string& replayed,
                        const char* cause) {
  std::string causes = cause;
  if (warnings_.empty()) {
    if (!causes.empty()) causes += ' ';
    causes += "No call differed before, so it depends on something that is not recorded: a global or static variable that "
              "others write, too, data in the ordinary heap that the reactor only points to, another thread, uninitialised memory, or an "
              "address on the stack.";
  }
  diverged({.event = event, .kind = kind, .call = {}, .site = {}, .recorded = recorded, .replayed = replayed,
            .cause = std::move(causes)});
}

void Replayer::diverged(Divergence divergence) {
  if (supposing()) return;
  const auto known = [&](const Divergence& other) {
    return std::string_view(other.kind) == divergence.kind && other.call == divergence.call && other.site == divergence.site;
  };
  if (divergences_.size() >= kDivergences || std::ranges::any_of(divergences_, known)) return;
  const bool explains_itself = std::string_view(divergence.kind) == "denied";
  if (!warnings_.empty() && !explains_itself) {
    const Warning& warning = warnings_.back().second;
    divergence.cause += (divergence.cause.empty() ? "" : " ") + std::string("Probably because ") + warning.message + " (event " +
                        std::to_string(warning.event) + ").";
  } else if (!explains_itself) {
    divergence.cause += hint_at_hardware_random();
  }
  if (memory_.relocation() && !explains_itself) divergence.cause += " The reactor was moved to another place: that may be the reason, too.";
  if (divergences_.empty()) {
    std::snprintf(afterimage_replay.divergence, sizeof afterimage_replay.divergence, "%s", divergence.sentence().c_str());
    afterimage_replay.divergence_event = divergence.event;
  }
  if (on_divergence != nullptr) on_divergence(divergence);
  divergences_.push_back(std::move(divergence));
}

}  // namespace afterimage::replay
