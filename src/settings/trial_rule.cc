#include "trial_rule.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace graceshim {

namespace {

// Those that others wait for at the end of a run, or that change what a signal to graceshim does: a trial has many
// runs, and sends its own signals.
constexpr std::array<std::string_view, 8> kOfOneRun = {"signals",           "exit.success",         "report.path",
                                                       "notify.ready_file", "notify.ready_fd",      "notify.watchdog",
                                                       "notify.extend_max", "child.die_with_parent"};
// They belong to the start of the command, and hold for each row.
constexpr std::array<std::string_view, 1> kOfEachStart = {"stop.post"};

bool is_tried(const Key& key) {
  if (std::ranges::count(kOfEachStart, key.toml) != 0) return false;
  return key.group == kStopHeading || key.group == kRestartHeading || std::ranges::count(kOfOneRun, key.toml) != 0;
}

}  // namespace

std::optional<Error> trial_conflict(const CommandLine& line) {
  const bool tries = is_trial(line.mode);
  for (const Assignment& assignment : line.layer) {
    const std::string& where = assignment.value.where;
    if (!tries && assignment.key->group == kTrialHeading)
      return Error{where + ": belongs to --trial, which is not there"};
    if (tries && is_tried(*assignment.key))
      return Error{where + ": contradicts --trial, which starts and stops the command in its own ways"};
  }
  return std::nullopt;
}

}  // namespace graceshim
