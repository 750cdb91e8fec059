// What follows from the rows of a trial: how the command is to be stopped, and why.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "course.h"
#include "rows.h"

namespace graceshim {

// A setting that is recommended.
struct Wanted {
  std::string key;    // "stop.signal"
  std::string value;  // "INT", as an option and a variable take it
  std::string toml;   // "\"INT\"", "[143]"
};

struct Recommendation {
  Winner winner{};
  std::vector<Wanted> settings{};  // empty: graceshim does it by itself
  // Where the platform sends TERM to every process, besides; empty: nothing more is needed there.
  std::vector<Wanted> on_broadcast{};
  std::string stop_signal{};  // "SIGINT", for an image without graceshim; empty: one signal is not enough
  Millis seen{0};             // the longest time from the signal to the end
  Millis grace{0};            // with a margin, in whole seconds
};

struct Advice {
  std::optional<Recommendation> recommendation{};
  std::vector<std::string> reasons{};  // whole sentences; also why there is no recommendation
};

Advice advice_of(const TrialSettings& settings, std::span<const Row> rows, const ByItself& by_itself);

// What the rows of a trial show that was cut short: what the missing ones would have shown is not known, so nothing is
// recommended, and nothing is said of the trial as a whole.
Advice known_of(const TrialSettings& settings, std::span<const Row> rows);

// A word as a shell takes it.
std::string shell_word(const std::string& word);
// "--stop-signal INT"
std::string as_options(std::span<const Wanted> settings);

}  // namespace graceshim
