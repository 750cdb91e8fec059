#include "course.h"

#include <algorithm>
#include <array>
#include <tuple>

namespace graceshim {

namespace {

constexpr Candidate kTermAlone{sig::kTerm};

// Those for which the group is tried if none to the command alone completes the work.
constexpr std::array<int, 3> kTriedOnGroup{sig::kTerm, sig::kInt, sig::kQuit};

std::size_t times_played(std::span<const Row> rows, const RowSpec& spec) noexcept {
  const Row* const row = find_row(rows, spec);
  return row == nullptr ? 0 : row->seen.size();
}

bool is_complete(std::span<const Row> rows, const RowSpec& spec) noexcept {
  const Row* const row = find_row(rows, spec);
  return row != nullptr && is_surely(*row, Verdict::kComplete);
}

// The lower, the better.
auto rank(const Row& row, const ByItself& by_itself, std::size_t place) {
  const auto any = [&row](auto is) { return std::ranges::any_of(row.seen, is); };
  return std::tuple(any([](const Observation& seen) { return !seen.left.empty(); }),
                    any([](const Observation& seen) { return seen.status != ExitStatus{}; }),
                    any([](const Observation& seen) { return seen.status.by_signal; }), row.spec.candidate.then != 0,
                    row.spec.candidate.signal != first_signal(by_itself), place);
}

int most_processes(std::span<const Row> rows) noexcept {
  int most = 0;
  for (const Row& row : rows) {
    for (const Observation& seen : row.seen) most = std::max(most, seen.processes);
  }
  return most;
}

// The rows that say more of a signal that completes the work: whether it ends an idle command, and what a second does.
std::vector<RowSpec> about(const Candidate& candidate, bool has_work) {
  std::vector<RowSpec> rows;
  if (!has_work) return rows;  // the command was idle all the time
  rows.push_back({RowKind::kIdle, candidate});
  if (candidate.then == 0) rows.push_back({RowKind::kTwice, candidate});
  return rows;
}

// What is tried behind a shield, the best first.
std::vector<Candidate> behind_shield(const TrialSettings& settings, std::span<const Row> rows, const Winner& winner) {
  std::vector<Candidate> candidates;
  const auto add = [&candidates](const Candidate& candidate) {
    if (candidate.signal != sig::kTerm && candidate.then == 0) candidates.push_back(candidate);
  };
  if (winner.scope == Scope::kMain) add(winner.candidate);
  for (const Candidate& candidate : settings.candidates.value) {
    if (candidate != winner.candidate && is_complete(rows, {RowKind::kSignal, candidate})) add(candidate);
  }
  return candidates;
}

}  // namespace

int first_signal(const ByItself& by_itself) noexcept {
  return by_itself.steps.empty() ? sig::kTerm : signal_of_step(by_itself.steps[0].signal, sig::kTerm);
}

std::optional<Winner> best_of(const TrialSettings& settings, std::span<const Row> rows, const ByItself& by_itself) {
  for (const auto& [kind, scope] :
       {std::pair(RowKind::kSignal, Scope::kMain), std::pair(RowKind::kToGroup, Scope::kGroup)}) {
    const Row* best = nullptr;
    std::size_t best_place = 0;
    for (std::size_t place = 0; place < settings.candidates.value.size(); ++place) {
      const Row* const row = find_row(rows, {kind, settings.candidates.value[place]});
      if (row == nullptr || !is_surely(*row, Verdict::kComplete)) continue;
      if (best != nullptr && rank(*best, by_itself, best_place) < rank(*row, by_itself, place)) continue;
      best = row;
      best_place = place;
    }
    if (best != nullptr) return Winner{best->spec.candidate, scope};
  }
  return std::nullopt;
}

const Row* row_of(std::span<const Row> rows, const Winner& winner) noexcept {
  return find_row(rows, {winner.scope == Scope::kMain ? RowKind::kSignal : RowKind::kToGroup, winner.candidate});
}

const Row* row_of_broadcast(std::span<const Row> rows) noexcept {
  for (const RowKind kind : {RowKind::kTermToAll, RowKind::kToAll}) {
    if (const Row* const row = find_row(rows, {kind, kTermAlone})) return row;
  }
  return most_processes(rows) == 1 ? find_row(rows, {RowKind::kSignal, kTermAlone}) : nullptr;
}

std::optional<RowSpec> next_row(const TrialSettings& settings, std::span<const Row> rows, const ByItself& by_itself) {
  const bool has_work = !settings.work.value.empty();
  const auto asked = static_cast<std::size_t>(settings.times.value);
  const std::vector<Candidate>& candidates = settings.candidates.value;
  for (const Candidate& candidate : candidates) {
    const RowSpec spec{RowKind::kSignal, candidate};
    const Row* const row = find_row(rows, spec);
    if (row == nullptr) return spec;
    // What could not be played is not tried again.
    const Verdict last = verdict_of(row->seen.back());
    if (row->seen.size() < asked && last != Verdict::kUnknown && last != Verdict::kUnheard) return spec;
  }

  std::optional<Winner> winner = best_of(settings, rows, by_itself);
  if (!winner) {
    if (!has_work || most_processes(rows) < 2) return std::nullopt;
    for (const Candidate& candidate : candidates) {
      const RowSpec spec{RowKind::kToGroup, candidate};
      const bool is_tried = std::ranges::count(kTriedOnGroup, candidate.signal) != 0 && candidate.then == 0;
      const Row* const alone = find_row(rows, {RowKind::kSignal, candidate});
      if (is_tried && is_surely(*alone, Verdict::kLost) && times_played(rows, spec) == 0) return spec;
    }
    return std::nullopt;
  }

  const std::size_t needed = settings.times.value == kTimesAsNeeded ? kTimesOfWinner : asked;
  const RowSpec won{winner->scope == Scope::kMain ? RowKind::kSignal : RowKind::kToGroup, winner->candidate};
  if (times_played(rows, won) < needed) return won;
  if (winner->scope == Scope::kGroup) return std::nullopt;

  std::vector<RowSpec> wanted = about(winner->candidate, has_work);
  for (const Candidate& candidate : candidates) {
    if (candidate == winner->candidate || !is_complete(rows, {RowKind::kSignal, candidate})) continue;
    const std::vector<RowSpec> more = about(candidate, has_work);
    wanted.insert(wanted.end(), more.begin(), more.end());
  }
  if (has_work) {
    const bool is_alone = most_processes(rows) < 2;
    const bool knows_term = find_row(rows, {RowKind::kSignal, kTermAlone}) != nullptr;
    if (!is_alone && winner->candidate.then == 0) wanted.push_back({RowKind::kToAll, winner->candidate});
    if (winner->candidate != kTermAlone && (!is_alone || !knows_term))
      wanted.push_back({RowKind::kTermToAll, kTermAlone});
    if (!is_alone && winner->candidate.then == 0) wanted.push_back({RowKind::kToGroup, winner->candidate});
  }
  for (const RowSpec& spec : wanted) {
    if (times_played(rows, spec) == 0) return spec;
  }

  const Row* const broadcast = row_of_broadcast(rows);
  if (!has_work || broadcast == nullptr || !is_surely(*broadcast, Verdict::kLost)) return std::nullopt;
  for (const Candidate& candidate : behind_shield(settings, rows, *winner)) {
    const RowSpec spec{RowKind::kShielded, candidate};
    if (times_played(rows, spec) == 0) return spec;
    if (is_complete(rows, spec)) return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace graceshim
