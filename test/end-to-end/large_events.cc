// large_events DIRECTORY: events that are too large or too strictly aligned for the inbox, also nested ones, to a reactor that keeps
// their addresses and reads them as its alignment allows. Compiled by large-events.test.ts.
#include <afterimage/recorder.h>
#include <emmintrin.h>

#include <cstdint>
#include <memory>
#include <vector>

struct alignas(64) Picture {
  std::uint64_t number;
  std::byte pixels[100'000];
};

struct alignas(128) Caption {
  std::uint64_t number;
};

// Larger than any room for events in the slot.
struct alignas(64) Film {
  std::uint64_t number;
  std::byte frames[40'000'000];
};

class Gallery {
 public:
  void set_self(afterimage::ReactorRef<Gallery> self) { self_ = self; }

  void react(const Picture& picture) {
    hang(picture);
    if (picture.number % 2 == 0) self_.deliver(Caption{picture.number});
    hang(picture);
  }
  void react(const Caption& caption) {
    hang(caption);
    const auto last = std::make_unique<Picture>();
    last->number = caption.number + 1;
    if (caption.number % 4 == 0) self_.deliver(*last);
  }
  void react(const Film& film) { sum_ += first_word(film); }
  void react(std::span<const std::byte> bytes) { addresses_.push_back(bytes.data()); }

 private:
  template <typename E>
  void hang(const E& event) {
    addresses_.push_back(&event);
    sum_ += first_word(event);
  }
  // movdqa, which faults where the address is not a multiple of 16.
  static std::uint64_t first_word(const auto& event) {
    __m128i word = _mm_load_si128(reinterpret_cast<const __m128i*>(&event));
    asm volatile("" : "+x"(word));
    return static_cast<std::uint64_t>(_mm_cvtsi128_si64(word));
  }

  afterimage::ReactorRef<Gallery> self_;
  std::vector<const void*> addresses_;
  std::uint64_t sum_ = 0;
};

int main(int, char** arguments) {
  auto recorder = afterimage::Recorder::open({.directory = arguments[1], .segment_bytes = 1 << 20, .state_digests = true});
  auto gallery = recorder.create<Gallery>("gallery");
  gallery.enter([&](Gallery& object) { object.set_self(gallery.ref()); });
  const auto picture = std::make_unique<Picture>();
  const auto film = std::make_unique<Film>();
  const std::vector<std::byte> bytes(200'000, std::byte{7});
  for (std::uint64_t i = 0; i < 12; ++i) {
    picture->number = film->number = i;
    if (i == 6) gallery.snapshot();
    gallery.deliver(*picture);
    gallery.deliver(Caption{i});
    gallery.deliver(std::span(bytes).first(100'000 + i));
    if (i == 3) gallery.deliver(*film);
  }
}
