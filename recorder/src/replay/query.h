// What the questions of queries.h have in common: they look at the reactor from event to event, and answer at the end.
#pragma once
#include <cstdint>
#include <optional>

#include "replay/progress.h"
#include "replay/replayer.h"
#include "replay/reports.h"

namespace afterimage::replay {

// Replays events [from, to), calling look(event) behind each; false ends the run. look is called once before the first
// event, too, with no event.
template <typename F>
Status look_after_each(Replayer& replayer, std::uint64_t from, std::uint64_t to, F&& look) {
  if (Status status = replayer.run_to(from, true, nullptr, nullptr); !status) return status;
  if (!look(std::optional<std::uint64_t>())) return {};
  struct Context {
    F& look;
    Progress progress;
  } context{look, {}};
  const auto after_event = [](void* pointer, std::uint64_t event) {
    auto& [look, progress] = *static_cast<Context*>(pointer);
    progress.at(event);
    return look(std::optional(event));
  };
  return replayer.run_to(to, false, after_event, &context);
}

inline std::int64_t number_or_none(const std::optional<std::uint64_t>& event) {
  return event ? static_cast<std::int64_t>(*event) : std::int64_t{-1};
}

inline void report_answer(const char* query, std::uint64_t count, std::uint64_t unreadable, std::uint64_t position) {
  JsonWriter json;
  json.begin_object().field("event", "answer").field("query", query).field("count", count);
  report(json.field("unreadable", unreadable).field("position", position).end_object());
}

}  // namespace afterimage::replay
