#include "replay/other_build.h"

#include "base/registered_events.h"
#include "base/type_name.h"

namespace afterimage::replay {
namespace {

const char* codec_of(const detail::EventTypeInfo& type) {
  switch (type.codec) {
    case detail::PayloadCodec::trivial: return "trivial";
    case detail::PayloadCodec::custom: return "custom";
    case detail::PayloadCodec::bytes: return "bytes";
    case detail::PayloadCodec::made: return "made";
  }
  return "";
}

std::string layout(const std::string& codec, std::size_t bytes, std::size_t align) {
  if (codec == "custom") return "written by an afterimage::Codec";
  if (codec == "bytes") return "bytes without a type";
  if (codec == "made") return "made by a function (deliver_made)";
  return std::to_string(bytes) + " bytes, aligned to " + std::to_string(align);
}

Status same_layout(const EventChannel& recorded, const detail::EventTypeInfo& type) {
  const std::string then = layout(recorded.codec, recorded.bytes, recorded.align), now = layout(codec_of(type), type.bytes, type.align);
  if (then == now) return {};
  return Status(0, recorded.type + " is " + now + " in this build, but " + then + " in the recording: its events cannot be delivered.");
}

}  // namespace

Status OtherBuild::find(const std::map<std::uint16_t, EventChannel>& channels) {
  for (const auto& [id, channel] : channels)
    if (Status status = find(channel); !status) return status;
  return {};
}

Status OtherBuild::find(const EventChannel& channel) {
  // Pointers to virtual tables, and members of all that an event may own: they are the recorded build's.
  if (channel.codec == "made")
    return Status(0, "the recording has the memory of its events of type " + channel.type + " (deliver_made), which fits the recorded build "
                     "only. Of events with an afterimage::Codec it has what another build understands.");
  if (channel.type.starts_with("afterimage::Dropped<"))
    return Status(0, "somebody else has dropped what the reactor had lent (" + channel.type + "), and the recording knows only where that was in the "
                     "recorded build. What is lent as an event with an afterimage::Codec, and given back as one, another build understands.");
  const detail::EventTypeInfo* found = nullptr;
  for (const auto* entry = registered_events(); entry != nullptr; entry = entry->next()) {
    if (type_name(*entry->event().type) != channel.type || type_name(entry->reactor()) != reactor_) continue;
    if (found != nullptr && *found->type != *entry->event().type)
      return Status(0, "this build has several types that are named " + channel.type + "; give them different names.");
    if (found == nullptr || codec_of(*found) != channel.codec) found = &entry->event();
  }
  if (found == nullptr) return missing(channel);
  types_[channel.type] = found;
  return same_layout(channel, *found);
}

// With what there is instead.
Status OtherBuild::missing(const EventChannel& channel) const {
  std::string others;
  for (const auto* entry = registered_events(); entry != nullptr; entry = entry->next())
    if (type_name(entry->reactor()) == reactor_) others += (others.empty() ? "" : ", ") + type_name(*entry->event().type);
  if (others.empty()) return Status(0, "this build has no reactor of type " + reactor_ + ".");
  return Status(0, "this build does not deliver " + channel.type + " to " + reactor_ + ", as the recording does. It knows: " + others + ".");
}

}  // namespace afterimage::replay
