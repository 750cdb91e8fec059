// Times and ends as a trial prints them.
#pragma once

#include <string>

#include "graceshim/duration.h"
#include "graceshim/result.h"
#include "graceshim/signal.h"

namespace graceshim {

// "4.0 s": tenths are enough for people, and columns stay even.
inline std::string in_seconds(Millis time) {
  const auto tenths = (time.count() + 50) / 100;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " s";
}

// "it exited with 0", "it died of TERM"
inline std::string describe_end(ExitStatus status) {
  return status.by_signal ? "it died of " + signal_name(status.value)
                          : "it exited with " + std::to_string(status.value);
}

}  // namespace graceshim
