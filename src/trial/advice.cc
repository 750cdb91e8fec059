#include "advice.h"

#include <algorithm>

#include "graceshim/duration.h"
#include "keys.h"
#include "seconds.h"
#include "text.h"
#include "values.h"

namespace graceshim {

namespace {

constexpr int kLeastMargin = 5;  // seconds

int whole_seconds(Millis time) {
  return static_cast<int>(std::chrono::ceil<std::chrono::seconds>(time).count());
}

// A half, and a few seconds at least: work takes longer on a machine that is busy.
int with_margin(Millis seen) {
  const int seconds = whole_seconds(seen);
  return seconds + std::max(kLeastMargin, (seconds + 1) / 2);
}

Wanted wanted(std::string key, std::string value) {
  std::string toml = "\"" + value + "\"";
  return {std::move(key), std::move(value), std::move(toml)};
}

std::string names(std::span<const Row> rows, RowKind kind, Verdict verdict, const Candidate* but = nullptr) {
  std::string text;
  for (const Row& row : rows) {
    if (row.spec.kind != kind || !is_surely(row, verdict) || (but != nullptr && row.spec.candidate == *but)) continue;
    text.append(text.empty() ? "" : ", ").append(candidate_name(row.spec.candidate));
  }
  return text;
}

std::string joined(std::span<const std::string> words) {
  std::string text;
  for (const std::string& word : words) text.append(text.empty() ? "" : ", ").append(word);
  return text;
}

// What the rows say of the signals that are not recommended.
void tell_others(std::vector<std::string>& reasons, std::span<const Row> rows, bool has_work, const Candidate* winner) {
  const std::string complete = names(rows, RowKind::kSignal, Verdict::kComplete, winner);
  const std::string lost = names(rows, RowKind::kSignal, Verdict::kLost);
  const std::string goes_on = names(rows, RowKind::kSignal, Verdict::kGoesOn);
  const std::string unheard = names(rows, RowKind::kSignal, Verdict::kUnheard);
  if (!complete.empty())
    reasons.push_back(complete + (has_work ? ": the work is complete" : ": the command handles it") +
                      (winner != nullptr ? ", too." : "."));
  if (!lost.empty()) reasons.push_back(lost + (has_work ? ": work is lost." : ": the command dies of it."));
  if (!goes_on.empty()) reasons.push_back(goes_on + ": the command goes on.");
  if (!unheard.empty()) reasons.push_back(unheard + ": no process of the command acts on it.");
  for (const Row& row : rows) {
    if (is_sure(row)) continue;
    reasons.push_back(row_name(row.spec) + ": unsure, " + std::to_string(count_of(row, Verdict::kComplete)) + " of " +
                      std::to_string(row.seen.size()) + " complete.");
  }
}

// The settings that make graceshim send the signal.
std::vector<Wanted> settings_of(const Winner& winner, Millis work_after) {
  if (winner.candidate.then != 0) {
    const std::string plan = signal_name(winner.candidate.signal) + "/" + std::to_string(with_margin(work_after)) +
                             "s/" + signal_name(winner.candidate.then) + "/auto/KILL";
    return {wanted("stop.plan", plan)};
  }
  const std::string signal = signal_name(winner.candidate.signal);
  if (winner.scope == Scope::kGroup) return {wanted("stop.plan", signal + "@group/auto/KILL")};
  return {wanted("stop.signal", signal)};
}

bool is_by_itself(const Winner& winner, const ByItself& by_itself) {
  const Scope scope = by_itself.steps.empty() ? Scope::kMain : by_itself.steps[0].scope;
  return winner.candidate == Candidate{first_signal(by_itself)} && winner.scope == scope;
}

void tell_by_itself(std::vector<std::string>& reasons, std::span<const Row> rows, const ByItself& by_itself,
                    bool is_same) {
  const std::string signal = signal_name(first_signal(by_itself));
  const std::string who = by_itself.preset.empty() ? std::string() : " (preset " + by_itself.preset + ")";
  if (is_same) {
    reasons.push_back("graceshim sends " + signal + " by itself" + who + ".");
    return;
  }
  std::string text = "It differs from what graceshim does by itself, which is " + signal + who;
  const Row* const row = find_row(rows, {RowKind::kSignal, {first_signal(by_itself)}});
  if (row != nullptr && is_surely(*row, Verdict::kLost)) text += ", by which work is lost";
  reasons.push_back(text + ".");
}

void tell_second(std::vector<std::string>& reasons, std::span<const Row> rows, const Candidate& candidate) {
  const Row* const row = find_played(rows, {RowKind::kTwice, candidate});
  if (row == nullptr) return;
  const std::string name = candidate_name(candidate);
  if (is_surely(*row, Verdict::kLost)) {
    reasons.push_back("A second " + name +
                      " cuts the work: graceshim sends one, however often the platform sends its own.");
  } else if (is_surely(*row, Verdict::kGoesOn)) {
    reasons.push_back("After a second " + name + " the command does not end.");
  } else if (!row->seen.front().second_came) {
    reasons.push_back("The command had ended before a second " + name + " could come: longer work would show more.");
  } else {
    reasons.push_back("A second " + name + " does no harm.");
  }
}

void tell_idle(std::vector<std::string>& reasons, std::span<const Row> rows, const Candidate& candidate) {
  const Row* const row = find_played(rows, {RowKind::kIdle, candidate});
  if (row == nullptr) return;
  const Observation& seen = row->seen.front();
  reasons.push_back(seen.ended ? "An idle command ends by it after " + in_seconds(seen.ended_after) + "."
                               : "It does not end an idle command: its end needs the KILL.");
}

// What a platform does that sends TERM to every process.
void tell_broadcast(Advice& advice, std::span<const Row> rows, const ByItself& by_itself) {
  const Row* const broadcast = row_of_broadcast(rows);
  if (broadcast == nullptr || broadcast->seen.front().how != RowEnd::kPlayed) return;
  constexpr const char* kThere = "TERM to every process, as Heroku sends it, ";
  if (!is_surely(*broadcast, Verdict::kLost)) {
    if (is_surely(*broadcast, Verdict::kComplete)) advice.reasons.push_back(kThere + std::string("does no harm."));
    return;
  }
  const Row* tried = nullptr;
  for (const Row& row : rows) {
    if (row.spec.kind != RowKind::kShielded) continue;
    tried = &row;
    if (is_surely(row, Verdict::kComplete)) break;
  }
  const std::string loses = kThere + std::string("loses the work");
  if (tried == nullptr) {
    advice.reasons.push_back(loses + ", and behind a shield only another signal could end it, of which none does.");
  } else if (tried->seen.front().shield_refused) {
    advice.reasons.push_back(loses + "; this kernel refuses the shield, which could not be tried.");
  } else if (!is_surely(*tried, Verdict::kComplete)) {
    advice.reasons.push_back(loses + ", and a shield does not help.");
  } else {
    const std::string name = candidate_name(tried->spec.candidate);
    advice.reasons.push_back(loses + ". Behind a shield it does nothing, and " + name + " then completes the work" +
                             (by_itself.shields ? "; there graceshim puts the shield up by itself." : "."));
    if (by_itself.shields) return;
    advice.recommendation->on_broadcast.push_back(wanted("stop.shield", "TERM"));
    advice.recommendation->on_broadcast.back().toml = "[\"TERM\"]";
    if (tried->spec.candidate != advice.recommendation->winner.candidate)
      advice.recommendation->on_broadcast.push_back(wanted("stop.signal", name));
  }
}

// Why no signal is recommended.
void tell_none(std::vector<std::string>& reasons, std::span<const Row> rows, bool has_work) {
  const bool any_played = std::ranges::any_of(rows, [](const Row& row) {
    return std::ranges::any_of(row.seen, [](const Observation& seen) { return seen.how == RowEnd::kPlayed; });
  });
  const bool any_unheard = std::ranges::any_of(rows, [](const Row& row) { return is_surely(row, Verdict::kUnheard); });
  if (!any_played) {
    reasons.emplace_back(any_unheard ? "Only KILL ends the command." : "No signal could be tried.");
  } else if (!has_work) {
    reasons.emplace_back(
        "The command handles none of these signals. Whether one of them lets it finish its work, --work "
        "would show.");
  } else {
    reasons.emplace_back(
        "No signal lets the command finish its work: let its program handle TERM, or keep its work short, "
        "or safe to repeat.");
  }
}

}  // namespace

Advice advice_of(const TrialSettings& settings, std::span<const Row> rows, const ByItself& by_itself) {
  const bool has_work = !settings.work.value.empty();
  Advice advice;
  const std::optional<Winner> winner = best_of(settings, rows, by_itself);
  if (!winner) {
    tell_others(advice.reasons, rows, has_work, nullptr);
    tell_none(advice.reasons, rows, has_work);
    return advice;
  }

  const Row& row = *row_of(rows, *winner);
  Recommendation& recommended = advice.recommendation.emplace();
  recommended.winner = *winner;
  Millis work_after{0};
  std::vector<std::string> left;
  CodeSet missing;
  for (const Observation& seen : row.seen) {
    recommended.seen = std::max(recommended.seen, seen.ended_after);
    work_after = std::max(work_after, seen.work_after);
    if (left.empty()) left = seen.left;
    if (seen.status != ExitStatus{} && !by_itself.success.has(exit_code(seen.status)))
      missing.add(exit_code(seen.status));
  }
  int grace = with_margin(recommended.seen);
  if (winner->candidate.then != 0)
    grace = with_margin(work_after) + whole_seconds(recommended.seen - std::min(work_after, recommended.seen)) +
            kLeastMargin;
  recommended.grace = std::chrono::seconds(grace);

  const bool is_same = is_by_itself(*winner, by_itself);
  if (!is_same) recommended.settings = settings_of(*winner, work_after);
  const bool is_too_short = by_itself.timeout < recommended.grace;
  if (is_too_short) recommended.settings.push_back(wanted("stop.timeout", std::to_string(grace) + "s"));
  if (winner->candidate.then == 0 && winner->scope == Scope::kMain)
    recommended.stop_signal = "SIG" + signal_name(winner->candidate.signal);

  const std::string times = std::to_string(row.seen.size());
  const std::string where = winner->scope == Scope::kGroup ? " to the process group" : "";
  advice.reasons.push_back(
      candidate_name(winner->candidate) + where + ": " +
      (has_work ? "the work was complete in " + times + " of " + times + ", and " : "the command handles it, and ") +
      describe_end(row.seen.back().status) + " after " + in_seconds(recommended.seen) +
      (row.seen.size() > 1 ? " at most." : "."));
  if (!has_work)
    advice.reasons.emplace_back("There was no work: whether it lets the command finish its work, --work would show.");
  tell_others(advice.reasons, rows, has_work, &winner->candidate);
  if (missing != CodeSet{}) {
    advice.reasons.push_back("Its exit status " + Codec<CodeSet>::write(missing) +
                             " stands for an orderly end, which exit.success makes 0.");
    // The setting takes the place of what applies now.
    for (int code = 0; code <= 255; ++code) {
      if (by_itself.success.has(code)) missing.add(code);
    }
    std::string codes = Codec<CodeSet>::write(missing);
    recommended.settings.push_back({"exit.success", codes, "[" + codes + "]"});
  }
  if (!left.empty())
    advice.reasons.push_back("It leaves processes behind (" + joined(left) + "), which graceshim stops after it.");
  tell_by_itself(advice.reasons, rows, by_itself, is_same);
  if (winner->scope == Scope::kMain) {
    tell_second(advice.reasons, rows, winner->candidate);
    tell_idle(advice.reasons, rows, winner->candidate);
    tell_broadcast(advice, rows, by_itself);
  }
  advice.reasons.push_back("A grace period of " + std::to_string(grace) +
                           " s: the longest end seen, with a margin for slow days.");
  if (is_too_short)
    advice.reasons.push_back("graceshim's own timeout of " + format_duration(by_itself.timeout) +
                             " would be over before.");
  return advice;
}

Advice known_of(const TrialSettings& settings, std::span<const Row> rows) {
  Advice advice;
  tell_others(advice.reasons, rows, !settings.work.value.empty(), nullptr);
  return advice;
}

std::string shell_word(const std::string& word) {
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:=,+@%";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) return word;
  if (escaped(word) != word) {
    // What a terminal must not get: as bash, zsh and ksh write it.
    std::string quoted;
    for (const char c : word) quoted.append(c == '\'' || c == '\\' ? "\\" : "").append(1, c);
    return "$'" + escaped(quoted) + "'";
  }
  std::string quoted = "'";
  for (const char c : word) c == '\'' ? quoted.append("'\\''") : quoted.append(1, c);
  return quoted.append("'");
}

std::string as_options(std::span<const Wanted> settings) {
  std::string text;
  for (const Wanted& setting : settings) {
    const auto rows = keys();
    const auto key = std::ranges::find(rows, std::string_view(setting.key), &Key::toml);
    text.append(text.empty() ? "--" : " --").append(key->flag);
    if (!key->argument.empty()) text.append(key->implied.empty() ? " " : "=").append(shell_word(setting.value));
  }
  return text;
}

}  // namespace graceshim
