// Rows of a trial that a test writes down.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "course.h"
#include "graceshim/signal.h"
#include "rows.h"

namespace graceshim {

inline Observation played(bool complete, bool ended, ExitStatus status = {}, Millis after = Millis{100}) {
  Observation seen;
  seen.works = {{.over = true, .status = {.value = complete ? 0 : 7}}};
  seen.ended = ended;
  seen.status = status;
  seen.ended_after = after;
  seen.processes = 2;
  return seen;
}

inline Observation not_played(RowEnd how) {
  Observation seen;
  seen.how = how;
  seen.words = "for a reason";
  return seen;
}

inline const Observation kComplete = played(true, true);
inline const Observation kLost = played(false, true, {.by_signal = true, .value = sig::kTerm});
inline const Observation kGoesOn = played(true, false);
inline const Observation kUnheard = not_played(RowEnd::kUnheard);

// A machine on which each kind of row always has the same outcome; every other row is lost.
struct Machine {
  std::vector<Row> outcomes;  // the first of `seen`, or with several one after the other

  void set(const RowSpec& spec, std::vector<Observation> seen) { outcomes.push_back({spec, std::move(seen)}); }
  [[nodiscard]] Observation play(const RowSpec& spec, std::size_t number) const {
    const Row* const row = find_row(outcomes, spec);
    return row == nullptr ? kLost : row->seen[number % row->seen.size()];
  }
};

// Plays a whole trial. Returns its rows; `order` gets the names in the order in which they were played.
inline std::vector<Row> play(const TrialSettings& settings, const Machine& machine, const ByItself& by_itself,
                             std::vector<std::string>* order = nullptr) {
  std::vector<Row> rows;
  for (int i = 0; i < 1'000; ++i) {
    const std::optional<RowSpec> next = next_row(settings, rows, by_itself);
    if (!next) break;
    if (order != nullptr) order->push_back(row_name(*next));
    if (find_row(rows, *next) == nullptr) rows.push_back({*next, {}});
    Row& row = *std::ranges::find(rows, *next, &Row::spec);
    row.seen.push_back(machine.play(*next, row.seen.size()));
  }
  return rows;
}

inline TrialSettings with_work() {
  TrialSettings settings;
  settings.work.value = {{"/bin/sh", "-c", "work"}};
  return settings;
}

constexpr RowSpec signal_row(int signal) {
  return {RowKind::kSignal, {signal}};
}

}  // namespace graceshim
