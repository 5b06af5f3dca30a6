// inputs/value.cc: afterimage::input().
#include "afterimage/input.h"

#include "base/check_hooks.h"
#include "inputs/intercept.h"

namespace afterimage::detail {
namespace {

inputs::Call input_call(std::string_view name, const void* site) noexcept {
  return inputs::Call(inputs::CallId::input, site).with(name.data(), name.size());
}

}  // namespace

InputMode input_mode() noexcept {
  if (!inputs::in_event()) return InputMode::outside;
  if (check_hooks != nullptr) check_hooks->value_begins();
  return replay_hooks != nullptr ? InputMode::replaying : InputMode::recording;
}

void log_input(std::string_view name, const void* site, bool threw, const void* value, std::size_t bytes) noexcept {
  if (check_hooks != nullptr) check_hooks->value_ends();
  inputs::RecordBuffer record(input_call(name, site));
  record.append(value, bytes);
  record.log(bytes, 0, threw ? std::uint16_t{format::kCallThrew} : std::uint16_t{0});
}

ReplayedInput replayed_input(std::string_view name, const void* site) noexcept {
  const inputs::Call call = input_call(name, site);
  format::CallRecord recorded;
  if (!inputs::hooks->serve(call.header(), call.shown, recorded)) return {ReplayedInput::Outcome::missing, nullptr, 0};
  const bool threw = (recorded.header.flags & format::kCallThrew) != 0;
  return {threw ? ReplayedInput::Outcome::threw : ReplayedInput::Outcome::value, recorded.bytes.data(), recorded.bytes.size()};
}

}  // namespace afterimage::detail
