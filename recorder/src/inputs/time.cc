// inputs/time.cc: clocks, and waiting for them. std::chrono's clocks call clock_gettime.
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/times.h>
#include <time.h>
#include <unistd.h>

#include "inputs/intercept.h"

namespace afterimage::inputs {
namespace {

AFTERIMAGE_REAL(clock_gettime)
AFTERIMAGE_REAL(clock_getres)
AFTERIMAGE_REAL(gettimeofday)
AFTERIMAGE_REAL(time)
AFTERIMAGE_REAL(clock)
AFTERIMAGE_REAL(times)
AFTERIMAGE_REAL(getrusage)
AFTERIMAGE_REAL(timespec_get)
AFTERIMAGE_REAL(nanosleep)
AFTERIMAGE_REAL(clock_nanosleep)
AFTERIMAGE_REAL(usleep)
AFTERIMAGE_REAL(sleep)
AFTERIMAGE_REAL(localtime)
AFTERIMAGE_REAL(localtime_r)
AFTERIMAGE_REAL(mktime)

// The name of the zone is a string of libc's, known by its text only.
constexpr std::size_t kZoneBytes = 64;

// The time zone is environment: of the process, and of its machine.
bool local_time(const void* site, const time_t* time, tm* result) noexcept {
  char zone[kZoneBytes] = "";
  const bool converted = intercept(
      Call(CallId::localtime, site).with(*time), Otherwise::run,
      [&] {
        if (real_localtime_r(time, result) == nullptr) return false;
        if (result->tm_zone != nullptr) std::strncpy(zone, result->tm_zone, sizeof zone - 1);
        return true;
      },
      [&](bool ok, auto written) {
        if (!ok) return;
        written(result, sizeof *result);
        written(zone, sizeof zone);
      });
  if (converted && replay_hooks != nullptr)
    result->tm_zone = interned({reinterpret_cast<const std::byte*>(zone), strnlen(zone, sizeof zone - 1)});
  return converted;
}

}  // namespace
}  // namespace afterimage::inputs

using namespace afterimage::inputs;

AFTERIMAGE_CALL int clock_gettime(clockid_t clock, timespec* time) noexcept {
  if (not_in_reactor()) [[likely]]
    return real_clock_gettime(clock, time);
  return intercept(
      Call(CallId::clock_gettime, AFTERIMAGE_SITE).with(clock), Otherwise::run,
      [&] { return real_clock_gettime(clock, time); },
      [&](int result, auto written) { if (result == 0) written(time, sizeof *time); });
}

AFTERIMAGE_CALL int clock_getres(clockid_t clock, timespec* resolution) noexcept {
  if (not_in_reactor()) return real_clock_getres(clock, resolution);
  return intercept(
      Call(CallId::clock_getres, AFTERIMAGE_SITE).with(clock), Otherwise::run,
      [&] { return real_clock_getres(clock, resolution); },
      [&](int result, auto written) { if (result == 0 && resolution != nullptr) written(resolution, sizeof *resolution); });
}

AFTERIMAGE_CALL int gettimeofday(timeval* __restrict time, void* __restrict zone) noexcept {
  if (not_in_reactor()) return real_gettimeofday(time, zone);
  return intercept(
      Call(CallId::gettimeofday, AFTERIMAGE_SITE), Otherwise::run, [&] { return real_gettimeofday(time, zone); },
      [&](int result, auto written) {
        if (result != 0) return;
        if (time != nullptr) written(time, sizeof *time);
        if (zone != nullptr) written(zone, sizeof(struct timezone));
      });
}

AFTERIMAGE_CALL time_t time(time_t* result) noexcept {
  if (not_in_reactor()) return real_time(result);
  const time_t now =
      intercept(Call(CallId::time, AFTERIMAGE_SITE), Otherwise::run, [] { return real_time(static_cast<time_t*>(nullptr)); });
  if (result != nullptr) *result = now;
  return now;
}

AFTERIMAGE_CALL clock_t clock() noexcept {
  if (not_in_reactor()) return real_clock();
  return intercept(Call(CallId::clock, AFTERIMAGE_SITE), Otherwise::run, [] { return real_clock(); });
}

AFTERIMAGE_CALL clock_t times(tms* result) noexcept {
  if (not_in_reactor()) return real_times(result);
  return intercept(
      Call(CallId::times, AFTERIMAGE_SITE), Otherwise::run, [&] { return real_times(result); },
      [&](clock_t, auto written) { if (result != nullptr) written(result, sizeof *result); });
}

AFTERIMAGE_CALL int getrusage(__rusage_who_t who, rusage* usage) noexcept {
  if (not_in_reactor()) return real_getrusage(who, usage);
  return intercept(
      Call(CallId::getrusage, AFTERIMAGE_SITE).with(who), Otherwise::run, [&] { return real_getrusage(who, usage); },
      [&](int result, auto written) { if (result == 0) written(usage, sizeof *usage); });
}

AFTERIMAGE_CALL int timespec_get(timespec* time, int base) noexcept {
  if (not_in_reactor()) return real_timespec_get(time, base);
  return intercept(
      Call(CallId::timespec_get, AFTERIMAGE_SITE).with(base), Otherwise::run, [&] { return real_timespec_get(time, base); },
      [&](int result, auto written) { if (result != 0) written(time, sizeof *time); });
}

// A replay does not wait.
AFTERIMAGE_CALL int nanosleep(const timespec* time, timespec* left) {
  if (not_in_reactor()) return real_nanosleep(time, left);
  return intercept(
      Call(CallId::nanosleep, AFTERIMAGE_SITE).with(time->tv_sec).with(time->tv_nsec), Otherwise::fail,
      [&] { return real_nanosleep(time, left); },
      [&](int result, auto written) { if (result != 0 && left != nullptr) written(left, sizeof *left); });
}

AFTERIMAGE_CALL int clock_nanosleep(clockid_t clock, int flags, const timespec* time, timespec* left) {
  if (not_in_reactor()) return real_clock_nanosleep(clock, flags, time, left);
  return intercept(
      Call(CallId::clock_nanosleep, AFTERIMAGE_SITE).with(clock).with(flags).with(time->tv_sec).with(time->tv_nsec),
      Otherwise::fail, [&] { return real_clock_nanosleep(clock, flags, time, left); },
      [&](int result, auto written) {
        if (result == EINTR && (flags & TIMER_ABSTIME) == 0 && left != nullptr) written(left, sizeof *left);
      });
}

AFTERIMAGE_CALL int usleep(useconds_t microseconds) {
  if (not_in_reactor()) return real_usleep(microseconds);
  return intercept(Call(CallId::usleep, AFTERIMAGE_SITE).with(microseconds), Otherwise::fail,
                   [&] { return real_usleep(microseconds); });
}

AFTERIMAGE_CALL unsigned sleep(unsigned seconds) {
  if (not_in_reactor()) return real_sleep(seconds);
  return intercept(Call(CallId::sleep, AFTERIMAGE_SITE).with(seconds), Otherwise::fail, [&] { return real_sleep(seconds); });
}

AFTERIMAGE_CALL tm* localtime_r(const time_t* __restrict time, tm* __restrict result) noexcept {
  if (not_in_reactor()) return real_localtime_r(time, result);
  return local_time(AFTERIMAGE_SITE, time, result) ? result : nullptr;
}

AFTERIMAGE_CALL tm* localtime(const time_t* time) noexcept {
  if (not_in_reactor()) return real_localtime(time);
  tm* const place = real_localtime(time);  // libc's own, at the same address in the replay
  return place != nullptr && local_time(AFTERIMAGE_SITE, time, place) ? place : nullptr;
}

AFTERIMAGE_CALL time_t mktime(tm* parts) noexcept {
  if (not_in_reactor()) return real_mktime(parts);
  return intercept(
      Call(CallId::mktime, AFTERIMAGE_SITE), Otherwise::run, [&] { return real_mktime(parts); },
      [&](time_t, auto written) { written(parts, offsetof(tm, tm_zone)); });
}
