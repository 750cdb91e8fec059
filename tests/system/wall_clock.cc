// A wall clock that somebody sets by some fifty years whenever it is read. To be preloaded: the other clocks are as
// they were.
#include <dlfcn.h>
#include <sys/time.h>

#include <ctime>

namespace {

constexpr time_t kIn1990 = 650'000'000;
constexpr time_t kIn2036 = 2'100'000'000;  // the last years that 32 bits can tell

time_t next_reading() {
  static bool late = false;
  late = !late;
  return late ? kIn2036 : kIn1990;
}

}  // namespace

extern "C" int clock_gettime(clockid_t clock, timespec* time) {
  using Function = int (*)(clockid_t, timespec*);
  static const auto original = reinterpret_cast<Function>(::dlsym(RTLD_NEXT, "clock_gettime"));
  const int result = original(clock, time);
  if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) time->tv_sec = next_reading();
  return result;
}

extern "C" int gettimeofday(timeval* time, void* /*zone*/) {
  *time = {next_reading(), 0};
  return 0;
}

extern "C" time_t time(time_t* time) {
  const time_t now = next_reading();
  if (time != nullptr) *time = now;
  return now;
}
