// Another build of the recorded program: nothing is where it was, so reactors and events are found by their names.
#pragma once
#include <map>
#include <string>

#include "afterimage/recorder.h"
#include "afterimage/status.h"
#include "replay/event_source.h"

namespace afterimage::replay {

class OtherBuild {
 public:
  // `reactor`: the type of the reactor.
  explicit OtherBuild(std::string reactor) : reactor_(std::move(reactor)) {}

  // Finds the kinds of events of a log in this build. Fails for one that it does not have, or whose payload has another layout.
  Status find(const std::map<std::uint16_t, EventChannel>& channels);
  // Of a channel that was found.
  const detail::EventTypeInfo& type_of(const EventChannel& channel) const { return *types_.at(channel.type); }

 private:
  Status find(const EventChannel& channel);
  Status missing(const EventChannel& channel) const;

  const std::string reactor_;
  std::map<std::string, const detail::EventTypeInfo*> types_;  // by name
};

}  // namespace afterimage::replay
