// Durations as users write them. They are held in whole milliseconds.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "graceshim/result.h"

namespace graceshim {

using Millis = std::chrono::milliseconds;

// A wait that never ends. Compare a duration with kInfinity before any arithmetic.
constexpr Millis kInfinity = Millis::max();

// The longest finite duration: 10 years. With this limit, adding all waits cannot overflow.
constexpr Millis kLongestDuration = std::chrono::hours(24 * 365 * 10);

// Returns the end of a wait that begins at `at`; kInfinity if either of the two is.
constexpr Millis later(Millis at, Millis wait) noexcept {
  return at == kInfinity || wait == kInfinity ? kInfinity : at + wait;
}

// Reads `10`, `10s`, `1m30s`, `500ms`, `2h`, `1d` or `1.5s`. A number without a unit is in seconds; units go from large
// to small, and each appears at most once. Returns 0 to kLongestDuration. `infinity` and `auto` are not durations, but
// words of the settings that allow them.
// Errors: `text` is malformed, negative, finer than a millisecond, or longer than kLongestDuration.
Result<Millis> parse_duration(std::string_view text);

// Returns "1m30s", "500ms", "0s" or "infinity". parse_duration() reads everything that this function writes, except
// "infinity".
std::string format_duration(Millis duration);

}  // namespace graceshim
