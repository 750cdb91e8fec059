// Durations as users write them, held in whole milliseconds.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "graceshim/error.h"

namespace graceshim {

using Millis = std::chrono::milliseconds;

// The wait that never ends. No arithmetic is done on it: compare first.
constexpr Millis kInfinity = Millis::max();

// The longest finite duration: 10 years, far from any overflow in sums of a plan's waits.
constexpr Millis kLongestDuration = std::chrono::hours(24 * 365 * 10);

// Reads `10`, `10s`, `1m30s`, `500ms`, `2h`, `1d`, `1.5s`; a bare number is seconds, units go from large to small, each
// once. Returns 0 to kLongestDuration. `infinity` and `auto` are words of the settings that allow them, not durations.
// Errors: malformed, negative, finer than a millisecond, longer than kLongestDuration.
Result<Millis> parse_duration(std::string_view text);

// "1m30s", "500ms", "0s", "infinity": parse_duration() reads back what this writes (but infinity).
std::string format_duration(Millis duration);

}  // namespace graceshim
