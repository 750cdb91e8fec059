// Writes what a trial has found.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "advice.h"

namespace graceshim {

struct Findings {
  const TrialSettings& settings;
  std::span<const std::string> command;
  std::span<const Row> rows;
  const ByItself& by_itself;
  Advice advice{};
  std::string cut{};  // why the trial ended before its time; empty: it did not
  std::string version{};
  std::vector<Wanted> given{};  // by options, for the command and its start: they stay as they are
};

// For people: the table of the rows, what is recommended, and why.
std::string findings_text(const Findings& findings);
// For programs: one line of JSON, by packaging/trial.schema.json.
std::string findings_json(const Findings& findings);

// The line of one row that has just been played: "INT: complete, it exited with 0 after 4.0 s".
std::string line_of(const RowSpec& spec, const Observation& seen);

// "lost", "complete"
std::string verdict_word(Verdict verdict, bool has_work);

}  // namespace graceshim
