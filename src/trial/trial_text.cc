// Writes the findings of a trial for people.
#include <algorithm>
#include <array>
#include <iterator>

#include "columns.h"
#include "keys.h"
#include "seconds.h"
#include "tell.h"
#include "text.h"
#include "values.h"

namespace graceshim {

namespace {

constexpr std::size_t kNameColumn = 14;
constexpr std::size_t kUseColumn = 14;

struct Column {
  const char* heading;
  std::size_t width;
};
constexpr std::array<Column, 6> kColumns{
    {{"work", 10}, {"status", 9}, {"ended after", 14}, {"left", 7}, {"second signal", 16}, {"idle", 0}}};

std::string line(std::string name, std::span<const std::string> cells) {
  std::string text = pad("  " + std::move(name), kNameColumn);
  if (text.size() > kNameColumn) {
    text.back() = '\n';  // in place of the blank that pad() leaves
    text.append(kNameColumn, ' ');
  }
  for (std::size_t i = 0; i < cells.size(); ++i) text += pad(cells[i], kColumns[i].width);
  text.erase(text.find_last_not_of(' ') + 1);
  return text + "\n";
}

// What the row of another kind says of the signal; "-" if there is none.
std::string second_cell(std::span<const Row> rows, const RowSpec& spec) {
  const Row* const twice =
      spec.kind == RowKind::kSignal ? find_played(rows, {RowKind::kTwice, spec.candidate}) : nullptr;
  if (twice == nullptr) return "-";
  if (is_surely(*twice, Verdict::kLost)) return "cuts it";
  if (!twice->seen.front().second_came) return "too late";
  return is_surely(*twice, Verdict::kComplete) ? "does no harm" : "goes on";
}

std::string idle_cell(std::span<const Row> rows, const RowSpec& spec) {
  const Row* const idle = spec.kind == RowKind::kSignal ? find_played(rows, {RowKind::kIdle, spec.candidate}) : nullptr;
  if (idle == nullptr) return "-";
  return idle->seen.front().ended ? in_seconds(idle->seen.front().ended_after) : "goes on";
}

std::string work_cell(const Row& row, bool has_work) {
  if (!is_sure(row))
    return std::to_string(count_of(row, Verdict::kComplete)) + " of " + std::to_string(row.seen.size());
  if (!has_work) return "-";
  return verdict_word(verdict_of(row.seen.front()), has_work);
}

std::string row_text(const Findings& findings, const Row& row) {
  const Observation& last = row.seen.back();
  const std::string name = row_name(row.spec);
  if (last.how != RowEnd::kPlayed) {
    std::string text = wrap(escaped(last.words), kNameColumn);
    const std::string head = "  " + name;
    return head.size() < kNameColumn ? text.replace(0, head.size(), head) : head + "\n" + text;
  }
  const bool has_work = !findings.settings.work.value.empty();
  const auto slowest = std::ranges::max_element(row.seen, {}, &Observation::ended_after);
  const std::array<std::string, 6> cells{work_cell(row, has_work),
                                         last.ended ? std::to_string(exit_code(last.status)) : "-",
                                         last.ended ? in_seconds(slowest->ended_after) : "goes on",
                                         last.left.empty() ? "-" : std::to_string(last.left.size()),
                                         second_cell(findings.rows, row.spec),
                                         idle_cell(findings.rows, row.spec)};
  std::string text = line(name, cells);
  if (!last.words.empty()) text += wrap(escaped(last.words), kNameColumn);
  return text;
}

// What was given, but for what the recommendation replaces, and the recommendation.
std::vector<Wanted> settings_in_force(const Findings& findings) {
  const std::vector<Wanted>& recommended = findings.advice.recommendation->settings;
  std::vector<Wanted> settings;
  std::ranges::copy_if(findings.given, std::back_inserter(settings), [&recommended](const Wanted& given) {
    return std::ranges::count(recommended, given.key, &Wanted::key) == 0;
  });
  settings.insert(settings.end(), recommended.begin(), recommended.end());
  return settings;
}

std::string labelled(std::string_view label, std::string_view text) {
  return pad(std::string(label), kUseColumn) + std::string(text) + "\n";
}

// "[stop]\nsignal = \"INT\"", each line behind the label.
std::string toml_lines(std::span<const Wanted> settings) {
  std::string text;
  std::string section;
  for (const Wanted& setting : settings) {
    const std::size_t dot = setting.key.find('.');
    const std::string table = "[" + setting.key.substr(0, dot) + "]";
    if (table != section) text += labelled(text.empty() ? "  TOML" : "", table);
    section = table;
    text += labelled("", setting.key.substr(dot + 1) + " = " + setting.toml);
  }
  return text;
}

std::string recommendation_text(const Findings& findings) {
  const Recommendation& recommended = *findings.advice.recommendation;
  std::string command = "graceshim";
  const std::vector<Wanted> settings = settings_in_force(findings);
  if (!settings.empty()) command += " " + as_options(settings);
  command += " --";
  for (const std::string& word : findings.command) command += " " + shell_word(word);
  std::string text = labelled("Use", command) + toml_lines(recommended.settings);
  if (!recommended.on_broadcast.empty()) {
    text += labelled("  On Heroku", as_options(recommended.on_broadcast));
    text += labelled("", "and wherever else the platform sends TERM to every process");
  }
  if (!recommended.stop_signal.empty())
    text += labelled("  Dockerfile", "STOPSIGNAL " + recommended.stop_signal + ", for an image without graceshim");
  return text + labelled("  Kubernetes",
                         "terminationGracePeriodSeconds: " + std::to_string(recommended.grace.count() / 1'000));
}

}  // namespace

std::string verdict_word(Verdict verdict, bool has_work) {
  switch (verdict) {
    case Verdict::kUnknown:
      return "unknown";
    case Verdict::kUnheard:
      return "unheard";
    case Verdict::kLost:
      return has_work ? "lost" : "died";
    case Verdict::kGoesOn:
    case Verdict::kComplete:
      return has_work ? "complete" : "ended";
  }
  return "";
}

std::string line_of(const RowSpec& spec, const Observation& seen) {
  std::string text = row_name(spec) + ": ";
  if (seen.how != RowEnd::kPlayed) return text + escaped(seen.words);
  if (!seen.works.empty()) text += verdict_word(verdict_of(seen), true) + ", ";
  return text + (seen.ended ? describe_end(seen.status) + " after " + in_seconds(seen.ended_after) : "it goes on");
}

std::string findings_text(const Findings& findings) {
  std::string text;
  std::array<std::string, kColumns.size()> headings;
  std::ranges::transform(kColumns, headings.begin(), &Column::heading);
  text += line("", headings);
  for (const Row& row : findings.rows) {
    if (row.spec.kind != RowKind::kIdle && row.spec.kind != RowKind::kTwice) text += row_text(findings, row);
  }
  text += "\n";
  const auto ready =
      std::ranges::find_if(findings.rows, [](const Row& row) { return row.seen.back().ready_by != ReadyBy::kNobody; });
  if (ready != findings.rows.end())
    text += wrap("The command was taken for ready when " + std::string(in_words(ready->seen.back().ready_by)) + ".", 0);
  if (!findings.cut.empty()) text += wrap(findings.cut, 0);
  if (findings.advice.recommendation) {
    text += "\n" + recommendation_text(findings) + "\n";
  } else {
    text += std::string(text.ends_with("\n\n") ? "" : "\n") + "There is no recommendation.\n\n";
  }
  for (const std::string& reason : findings.advice.reasons) {
    std::string block = wrap(reason, 2);
    text += block.replace(0, 1, "-");
  }
  return text;
}

}  // namespace graceshim
