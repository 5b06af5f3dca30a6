// A page of a running snapshot is copied by one thread, and a stolen one is never published from a torn copy.
#include "snapshot/page_claims.h"

#include <thread>
#include <vector>

#include "check.h"

using namespace afterimage;

namespace {

constexpr std::uintptr_t kSlot = 0x4000'0000'0000;
constexpr std::size_t kPages = 20'000;

void a_stolen_page_is_published_from_the_copy_aside() {
  PageClaims claims;
  CHECK_EQUAL(claims.reset(kSlot, kPages * os::kPageBytes), 0);
  CHECK(claims.state(7) == PageState::outside);
  claims.add(claims.address_of(7), os::kPageBytes);
  CHECK(claims.claim(7, PageState::copying));
  CHECK(!claims.claim(7, PageState::copying_to_write));
  CHECK(claims.steal(7));
  CHECK(!claims.steal(7));  // one thief only
  CHECK(!claims.publish(7));
  claims.stolen(7);
  CHECK(!claims.publish(7));
  claims.publish_stolen(7);
  CHECK(claims.state(7) == PageState::copied);
  CHECK(!claims.claim(7, PageState::copying));
}

void a_new_snapshot_begins_with_nothing() {
  PageClaims claims;
  CHECK_EQUAL(claims.reset(kSlot, kPages * os::kPageBytes), 0);
  claims.add(kSlot, kPages * os::kPageBytes);
  CHECK(claims.claim(0, PageState::copying_to_write));
  CHECK_EQUAL(claims.reset(2 * kSlot, kPages * os::kPageBytes), 0);
  CHECK(claims.state(0) == PageState::outside);
  CHECK(claims.covers(2 * kSlot));
  CHECK(!claims.covers(kSlot));
  CHECK(!claims.covers(2 * kSlot + kPages * os::kPageBytes));
}

// Three threads go for all pages: each is had by one of them.
void every_page_is_claimed_once() {
  PageClaims claims;
  CHECK_EQUAL(claims.reset(kSlot, kPages * os::kPageBytes), 0);
  claims.add(kSlot, kPages * os::kPageBytes);
  std::vector<int> claimed(kPages);
  const auto claim_all = [&] {
    for (std::size_t page = 0; page < kPages; ++page)
      if (claims.claim(page, PageState::copying_to_write)) {
        ++claimed[page];
        claims.publish_to_write(page);
      }
  };
  {
    std::thread one(claim_all), other(claim_all);
    claim_all();
    one.join();
    other.join();
  }
  for (const int times : claimed) CHECK_EQUAL(times, 1);
}

// A copier, and a writer that never waits: the image has what each page held before it was written.
void no_torn_copy_is_published() {
  PageClaims claims;
  CHECK_EQUAL(claims.reset(kSlot, kPages * os::kPageBytes), 0);
  claims.add(kSlot, kPages * os::kPageBytes);
  std::vector<std::uint64_t> memory(kPages, 1), image(kPages, 0);
  std::uint64_t aside = 0;
  const auto load = [&](std::size_t page) { return __atomic_load_n(&memory[page], __ATOMIC_RELAXED); };
  std::size_t stolen = 0;
  std::atomic<std::size_t> current = 0;  // where the copier is, which is where the writer wants to write
  {
    std::thread copier([&] {
      for (std::size_t page = 0; page < kPages; ++page) {
        current = page;
        if (!claims.claim(page, PageState::copying)) continue;
        image[page] = load(page);
        for (int i = 0; i < 20; ++i) asm volatile("pause");
        if (claims.publish(page)) continue;
        while (claims.state(page) == PageState::stealing) std::this_thread::yield();
        image[page] = aside;
        claims.publish_stolen(page);
      }
      current = kPages;
    });
    for (std::size_t page = 0; (page = current) < kPages;) {
      if (claims.claim(page, PageState::copying_to_write)) {
        image[page] = load(page);
        claims.publish_to_write(page);
      } else if (claims.steal(page)) {
        aside = load(page);
        claims.stolen(page);
        ++stolen;
      }
      __atomic_store_n(&memory[page], 2, __ATOMIC_RELAXED);
    }
    copier.join();
  }
  for (const std::uint64_t value : image) CHECK_EQUAL(value, 1u);
  std::printf("%zu of %zu pages were stolen\n", stolen, kPages);
}

}  // namespace

int main() {
  a_stolen_page_is_published_from_the_copy_aside();
  a_new_snapshot_begins_with_nothing();
  every_page_is_claimed_once();
  for (int i = 0; i < 20; ++i) no_torn_copy_is_published();
}
