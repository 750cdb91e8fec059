#include "rows.h"

#include <algorithm>

#include "values.h"

namespace graceshim {

Verdict verdict_of(const Observation& seen) noexcept {
  if (seen.how == RowEnd::kUnheard) return Verdict::kUnheard;
  if (seen.how != RowEnd::kPlayed) return Verdict::kUnknown;
  const bool is_complete =
      std::ranges::all_of(seen.works, [](const WorkEnd& work) { return work.over && work.status == ExitStatus{}; });
  if (!is_complete) return Verdict::kLost;
  if (!seen.ended) return Verdict::kGoesOn;
  return seen.works.empty() && seen.status.by_signal ? Verdict::kLost : Verdict::kComplete;
}

bool is_sure(const Row& row) noexcept {
  return std::ranges::all_of(
      row.seen, [&row](const Observation& seen) { return verdict_of(seen) == verdict_of(row.seen.front()); });
}

bool is_surely(const Row& row, Verdict verdict) noexcept {
  return !row.seen.empty() && count_of(row, verdict) == static_cast<int>(row.seen.size());
}

int count_of(const Row& row, Verdict verdict) noexcept {
  return static_cast<int>(
      std::ranges::count_if(row.seen, [verdict](const Observation& seen) { return verdict_of(seen) == verdict; }));
}

const Row* find_row(std::span<const Row> rows, const RowSpec& spec) noexcept {
  const auto row = std::ranges::find(rows, spec, &Row::spec);
  return row == rows.end() ? nullptr : &*row;
}

const Row* find_played(std::span<const Row> rows, const RowSpec& spec) noexcept {
  const Row* const row = find_row(rows, spec);
  return row != nullptr && row->seen.front().how == RowEnd::kPlayed ? row : nullptr;
}

std::string row_name(const RowSpec& spec) {
  std::string name = candidate_name(spec.candidate);
  switch (spec.kind) {
    case RowKind::kSignal:
      return name;
    case RowKind::kIdle:
      return name + " while idle";
    case RowKind::kTwice:
      return name + " twice";
    case RowKind::kToAll:
      return name + " to all";
    case RowKind::kToGroup:
      return name + " to group";
    case RowKind::kTermToAll:
      return "TERM to all";
    case RowKind::kShielded:
      return "TERM to all, behind a shield, stopped with " + name;
  }
  return name;
}

std::string_view in_words(ReadyBy ready) noexcept {
  switch (ready) {
    case ReadyBy::kNobody:
      break;
    case ReadyBy::kTold:
      return "it says so (--ready-from)";
    case ReadyBy::kListening:
      return "a new socket listens";
    case ReadyBy::kCommand:
      return "--trial-ready has exited with 0";
    case ReadyBy::kTime:
      return "some time had passed and nothing listened";
  }
  return "";
}

}  // namespace graceshim
