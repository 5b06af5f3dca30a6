// A bounded recording drops whole generations, oldest first, and always keeps the newest snapshot with every event since.
#include "../../recorder/src/record/retention.cc"

#include "check.h"

using afterimage::Retention;
using Paths = std::vector<std::string>;

namespace {

void generations_go_when_there_are_too_many_bytes() {
  Retention retention({.bytes = 250});
  CHECK(retention.snapshot_written("snap-0", 0, 10, 1).empty());
  retention.segment_begun("ev-1", 0, 100);
  retention.segment_begun("ev-2", 900, 100);  // goes on beyond position 1000
  CHECK(retention.snapshot_written("snap-1000", 1000, 10, 2).empty());
  retention.segment_begun("ev-3", 1800, 100);
  // 320 bytes with the new one: generation 0 goes, but not ev-2, which holds events from 1000 on.
  CHECK((retention.snapshot_written("snap-2000", 2000, 10, 3) == Paths{"snap-0", "ev-1"}));
  CHECK_EQUAL(retention.bytes(), 220u);
  retention.segment_begun("ev-4", 2500, 100);
  CHECK((retention.snapshot_written("snap-3000", 3000, 10, 4) == Paths{"snap-1000", "ev-2"}));
}

void the_newest_generation_stays_whatever_it_takes() {
  Retention retention({.bytes = 1, .ns = 1});
  CHECK(retention.snapshot_written("snap-0", 0, 1000, 1).empty());
  for (int i = 1; i <= 5; ++i) retention.segment_begun("ev", static_cast<std::uint64_t>(100 * (i - 1)), 1000);
  CHECK((retention.snapshot_written("snap-450", 450, 1000, 100) == Paths{"snap-0", "ev", "ev", "ev", "ev"}));
  CHECK_EQUAL(retention.bytes(), 2000u);  // the last segment and the snapshot
}

void generations_go_when_they_are_old() {
  Retention retention({.ns = 100});
  CHECK(retention.snapshot_written("snap-0", 0, 1, 1000).empty());
  retention.segment_begun("ev-1", 0, 1);
  CHECK(retention.snapshot_written("snap-10", 10, 1, 1050).empty());
  retention.segment_begun("ev-2", 9, 1);
  CHECK(retention.snapshot_written("snap-20", 20, 1, 1149).empty());
  // Since 1050 there is a newer one than snap-0, and that is 100 ns ago.
  CHECK((retention.snapshot_written("snap-30", 30, 1, 1150) == Paths{"snap-0", "ev-1"}));
}

// What event 1000 was given before react(), foreign frees or its sender, may have been the last that went into the segment before it.
void the_segment_before_the_first_event_stays() {
  Retention retention({.bytes = 1});
  CHECK(retention.snapshot_written("snap-0", 0, 10, 1).empty());
  retention.segment_begun("ev-1", 0, 100);
  retention.segment_begun("ev-2", 900, 100);
  retention.segment_begun("ev-3", 1000, 100);
  CHECK((retention.snapshot_written("snap-1000", 1000, 10, 2) == Paths{"snap-0", "ev-1"}));
}

// Deltas go with the full snapshot that they build on, and before it.
void deltas_are_part_of_a_generation() {
  Retention retention({.bytes = 100});
  CHECK(retention.snapshot_written("full-0", 0, 100, 1, true).empty());
  retention.segment_begun("ev-1", 0, 100);
  CHECK(retention.snapshot_written("delta-10", 10, 100, 2, false).empty());
  CHECK(retention.snapshot_written("delta-20", 20, 100, 3, false).empty());
  retention.segment_begun("ev-2", 15, 100);
  CHECK((retention.snapshot_written("full-30", 30, 100, 4, true) == Paths{"delta-20", "delta-10", "full-0", "ev-1"}));
  CHECK(retention.snapshot_written("delta-40", 40, 100, 5, false).empty());
}

void snapshots_are_due_as_the_bounds_need_it() {
  using afterimage::most_between_snapshots;
  CHECK_EQUAL(most_between_snapshots(/*wanted=*/32, /*bound=*/1000, /*least=*/1), 32u);
  CHECK_EQUAL(most_between_snapshots(32, 100, 1), 25u);
  CHECK_EQUAL(most_between_snapshots(32, 100, 30), 30u);
  CHECK_EQUAL(most_between_snapshots(32, 0, 1), 32u);
  CHECK_EQUAL(most_between_snapshots(0, 100, 1), 25u);
  CHECK_EQUAL(most_between_snapshots(0, 0, 1), UINT64_MAX);
}

}  // namespace

int main() {
  snapshots_are_due_as_the_bounds_need_it();
  deltas_are_part_of_a_generation();
  generations_go_when_there_are_too_many_bytes();
  the_newest_generation_stays_whatever_it_takes();
  generations_go_when_they_are_old();
  the_segment_before_the_first_event_stays();
}
