// What a process said of its own end, at the end of its log.
//
//     react() ...  standard error: "terminate called ..."  failure: abort() was called for an exception  ...
//                  ^ last words
//
// They begin with abort() or a failed assertion, or with what was written to standard error right before that: std::terminate() and most
// programs' own checks say there why they are going to end. A build that does not end there has no reason to say them.
#pragma once
#include <cstddef>

#include "format/calls.h"
#include "replay/log_message.h"

namespace afterimage::replay {

class LastWords {
 public:
  // The log's next message.
  void add(const LogMessage& message) noexcept {
    const bool is_call = message.is_input(format::InputKind::call);
    const format::CallHeader call = is_call ? format::CallRecord(message.input_value()).header : format::CallHeader{};
    const bool may_belong = (ends_ && is_call) || ends_the_process(call) || is_on_standard_error(call);
    ends_ = may_belong && (ends_ || ends_the_process(call));
    if (!may_belong) first_ = nullptr;
    else if (first_ == nullptr) first_ = message.data.data();
  }
  // The data of the first of them, once the whole log was added; null where there are none.
  const std::byte* first() const noexcept { return ends_ ? first_ : nullptr; }

 private:
  static bool ends_the_process(const format::CallHeader& call) noexcept {
    return call.id() == format::CallId::failure &&
           (call.arguments == format::failure_kind("abort") || call.arguments == format::failure_kind("assertion"));
  }
  // Standard error flushes standard output first, in C++.
  static bool is_on_standard_error(const format::CallHeader& call) noexcept {
    return (call.flags & format::kStandardError) != 0 || call.id() == format::CallId::fflush;
  }

  const std::byte* first_ = nullptr;
  bool ends_ = false;
};

}  // namespace afterimage::replay
