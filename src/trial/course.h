// The course of a trial: which row is played next, and which signal is the best so far.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "config.h"
#include "graceshim/plan.h"
#include "rows.h"

namespace graceshim {

// What graceshim would do with the command if it were not told anything.
struct ByItself {
  std::string preset{};  // empty: none applies
  StepList steps{};
  CodeSet success{};
  bool shields = false;  // it puts up a shield where the platform sends TERM to every process
  Millis timeout = kInfinity;
};

// The signal to the command that a stop by itself begins with.
int first_signal(const ByItself& by_itself) noexcept;

// How a command is stopped best.
struct Winner {
  Candidate candidate{};
  Scope scope = Scope::kMain;  // kMain or kGroup
};

// Returns the best of the signals that let the work complete in every repetition: one that leaves no process behind,
// by which the command exits with 0, or at least does not die, that graceshim sends by itself, and that was named
// first. Nothing: none does. A signal to the group counts only where none to the command does.
std::optional<Winner> best_of(const TrialSettings& settings, std::span<const Row> rows, const ByItself& by_itself);

// Returns the row that the winner's figures are from; null: there is none.
const Row* row_of(std::span<const Row> rows, const Winner& winner) noexcept;

// What becomes of the work if every process gets TERM; null: nobody knows.
const Row* row_of_broadcast(std::span<const Row> rows) noexcept;

// Returns the row that is played next, which may be one that was played before; nothing: the trial is over.
std::optional<RowSpec> next_row(const TrialSettings& settings, std::span<const Row> rows, const ByItself& by_itself);

}  // namespace graceshim
