// inputs/random.cc: randomness. Generators whose state is in the reactor need nothing; libc's have theirs in libc.
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include <random>

#include "inputs/intercept.h"

// Not declared by the headers of an older C library, where they are not called either.
extern "C" {
std::uint32_t arc4random() noexcept;
void arc4random_buf(void*, std::size_t) noexcept;
std::uint32_t arc4random_uniform(std::uint32_t) noexcept;
}

namespace afterimage::inputs {
namespace {

AFTERIMAGE_REAL(getrandom)
AFTERIMAGE_REAL(getentropy)
AFTERIMAGE_REAL(arc4random)
AFTERIMAGE_REAL(arc4random_buf)
AFTERIMAGE_REAL(arc4random_uniform)
AFTERIMAGE_REAL(rand)
AFTERIMAGE_REAL(srand)
AFTERIMAGE_REAL(random)
AFTERIMAGE_REAL(srandom)
AFTERIMAGE_REAL(drand48)
AFTERIMAGE_REAL(lrand48)
AFTERIMAGE_REAL(mrand48)
AFTERIMAGE_REAL(srand48)
AFTERIMAGE_REAL_NAMED(unsigned(std::random_device*), random_device_value, "_ZNSt13random_device9_M_getvalEv")

// Seeding changes libc's state, which the replay never reads.
template <typename Seed, typename Run>
void seed(CallId id, const void* site, Seed value, Run run) noexcept {
  intercept(Call(id, site, format::kOutput).with(value), Otherwise::run, [&] {
    run();
    return 0;
  });
}

}  // namespace
}  // namespace afterimage::inputs

using namespace afterimage::inputs;
using afterimage::format::kOutput;

AFTERIMAGE_CALL ssize_t getrandom(void* data, std::size_t bytes, unsigned flags) {
  if (not_in_reactor()) return real_getrandom(data, bytes, flags);
  return intercept(
      Call(CallId::getrandom, AFTERIMAGE_SITE).with(bytes).with(flags), Otherwise::run,
      [&] { return real_getrandom(data, bytes, flags); },
      [&](ssize_t got, auto written) { if (got > 0) written(data, static_cast<std::size_t>(got)); });
}

AFTERIMAGE_CALL int getentropy(void* data, std::size_t bytes) {
  if (not_in_reactor()) return real_getentropy(data, bytes);
  return intercept(
      Call(CallId::getentropy, AFTERIMAGE_SITE).with(bytes), Otherwise::run, [&] { return real_getentropy(data, bytes); },
      [&](int result, auto written) { if (result == 0) written(data, bytes); });
}

AFTERIMAGE_CALL std::uint32_t arc4random() noexcept {
  if (not_in_reactor()) return real_arc4random();
  return intercept(Call(CallId::arc4random, AFTERIMAGE_SITE), Otherwise::run, [] { return real_arc4random(); });
}

AFTERIMAGE_CALL void arc4random_buf(void* data, std::size_t bytes) noexcept {
  if (not_in_reactor()) return real_arc4random_buf(data, bytes);
  intercept(
      Call(CallId::arc4random_buf, AFTERIMAGE_SITE).with(bytes), Otherwise::run,
      [&] {
        real_arc4random_buf(data, bytes);
        return 0;
      },
      [&](int, auto written) { written(data, bytes); });
}

AFTERIMAGE_CALL std::uint32_t arc4random_uniform(std::uint32_t limit) noexcept {
  if (not_in_reactor()) return real_arc4random_uniform(limit);
  return intercept(Call(CallId::arc4random_uniform, AFTERIMAGE_SITE).with(limit), Otherwise::run,
                   [&] { return real_arc4random_uniform(limit); });
}

AFTERIMAGE_NUMBER(int, rand)
AFTERIMAGE_NUMBER(long, random)
AFTERIMAGE_NUMBER(double, drand48)
AFTERIMAGE_NUMBER(long, lrand48)
AFTERIMAGE_NUMBER(long, mrand48)

AFTERIMAGE_CALL void srand(unsigned value) noexcept {
  if (not_in_reactor()) return real_srand(value);
  seed(CallId::srand, AFTERIMAGE_SITE, value, [&] { real_srand(value); });
}

AFTERIMAGE_CALL void srandom(unsigned value) noexcept {
  if (not_in_reactor()) return real_srandom(value);
  seed(CallId::srandom, AFTERIMAGE_SITE, value, [&] { real_srandom(value); });
}

AFTERIMAGE_CALL void srand48(long value) noexcept {
  if (not_in_reactor()) return real_srand48(value);
  seed(CallId::srand48, AFTERIMAGE_SITE, value, [&] { real_srand48(value); });
}

// std::random_device::_M_getval(): with rdrand it asks nobody whom we could intercept.
AFTERIMAGE_CALL unsigned afterimage_random_device_value(std::random_device* device) __asm__("_ZNSt13random_device9_M_getvalEv");
AFTERIMAGE_CALL unsigned afterimage_random_device_value(std::random_device* device) {
  if (not_in_reactor()) return real_random_device_value(device);
  return intercept(Call(CallId::random_device, AFTERIMAGE_SITE), Otherwise::run,
                   [&] { return real_random_device_value(device); });
}
