// The command `touched`: what the heap did with the memory at an address, and who called it.
#include <deque>
#include <utility>

#include "base/hex.h"
#include "base/out_of_memory.h"
#include "heap/current_heap.h"
#include "heap/journal.h"
#include "os/call_stack.h"
#include "replay/debugger.h"
#include "replay/queries.h"
#include "replay/query.h"

namespace afterimage::replay {
namespace {

const char* name(HeapOperation::Kind kind) {
  switch (kind) {
    case HeapOperation::Kind::allocate: return "allocated";
    case HeapOperation::Kind::resize: return "resized";
    case HeapOperation::Kind::free: return "freed";
    case HeapOperation::Kind::keep: break;
  }
  return "";
}

// Those that allocate, resize or free a block in which the address lies, as long as this lives: also what no event leaves behind.
class Callers final : public HeapListener {
 public:
  Callers(Replayer& replayer, std::uintptr_t address)
      : replayer_(replayer), heap_(replayer.memory().heap()), address_(address), previous_(heap_.exchange_listener(this)) {}
  ~Callers() { heap_.exchange_listener(previous_); }
  Callers(const Callers&) = delete;
  Callers& operator=(const Callers&) = delete;

  void heard(const HeapOperation& operation) noexcept override {
    Heap::Block block{};
    if (operation.address > address_ || !heap_.locate(operation.address, block) || address_ - block.address >= block.size) return;
    Heap* const heap = switch_heap(nullptr);
    ++count_;
    (void)finds_memory([&] {
      last_.push_back({replayer_.position(), name(operation.kind), block, stack_in_react()});
      if (last_.size() > kKept) last_.pop_front();
    });
    switch_heap(heap);
  }

  void report_all() const {
    std::uint64_t number = count_ - last_.size();
    for (const Call& call : last_) {
      JsonWriter json;
      json.begin_object().field("event", "call").field("number", ++number).field("eventNumber", call.event).field("what", call.what);
      json.field("address", hex(call.block.address)).field("bytes", std::uint64_t{call.block.size}).key("frames").begin_array();
      for (std::uint64_t i = 0; i < call.stack.count; ++i) json.string(hex(call.stack.frames[i]));
      report(json.end_array().end_object());
    }
  }

 private:
  static constexpr std::size_t kKept = 64;

  // Empty between two events: whoever called then is not here any more.
  static os::CallStack stack_in_react() noexcept {
    return os::call_stack([](std::uintptr_t) { return afterimage_replay.in_react != 0; });
  }

  struct Call {
    std::uint64_t event;
    const char* what;
    Heap::Block block;
    os::CallStack stack;
  };

  Replayer& replayer_;
  Heap& heap_;
  const std::uintptr_t address_;
  HeapListener* const previous_;
  std::uint64_t count_ = 0;
  std::deque<Call> last_;
};

// The block at an address, and whether it is in use.
class BlockAt {
 public:
  BlockAt(const Heap& heap, std::uintptr_t address) : heap_(heap), address_(address) {}

  void look(std::optional<std::uint64_t> event) {
    Heap::Block block{};
    if (!heap_.locate(address_, block)) block = {};
    const bool same = block.address == last_.address && block.size == last_.size && block.live == last_.live;
    if (std::exchange(known_, true) && same) return;
    changes_ += event.has_value();
    last_ = block;
    JsonWriter json;
    json.begin_object().field("event", "block").field("eventNumber", number_or_none(event));
    json.field("address", hex(block.address)).field("bytes", std::uint64_t{block.size});
    report(json.field("state", block.size == 0 ? "none" : block.live ? "live" : "free").end_object());
  }
  std::uint64_t changes() const noexcept { return changes_; }

 private:
  const Heap& heap_;
  const std::uintptr_t address_;
  Heap::Block last_{};
  bool known_ = false;
  std::uint64_t changes_ = 0;
};

}  // namespace

Status touched(Replayer& replayer, std::istream& arguments) {
  std::uintptr_t address = 0;
  std::uint64_t from = 0, to = 0;
  if (!(arguments >> std::hex >> address >> std::dec >> from >> to))
    return Status(0, "command touched: expected ADDRESS FROM TO.");
  address = replayer.memory().relocation().to_here(address);
  Heap& heap = replayer.memory().heap();
  if (!heap.owns(reinterpret_cast<void*>(address)))
    return Status(0, "address " + hex(address) + " is not in the reactor's heap.");
  BlockAt block(heap, address);
  std::optional<Callers> callers;
  const auto look = [&](std::optional<std::uint64_t> event) {
    if (!event) callers.emplace(replayer, address);  // a restore has come before
    block.look(event);
    return true;
  };
  const Status status = look_after_each(replayer, from, to, look);
  if (!status.ok()) return status;
  callers->report_all();
  report_answer("touched", block.changes(), 0, replayer.position());
  return {};
}

}  // namespace afterimage::replay
