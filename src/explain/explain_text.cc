// Writes --explain for people.
#include <algorithm>

#include "columns.h"
#include "explanation.h"
#include "graceshim/stop_machine.h"
#include "text.h"

namespace graceshim {

namespace {

using Bar = Explanation::Bar;

constexpr std::size_t kLabelColumn = 12;
constexpr std::size_t kKeyColumn = 26;
constexpr std::size_t kValueColumn = 28;
constexpr std::size_t kAxis = 48;  // columns from 0 to the end of the timeline

constexpr std::string_view kLooksAgain =
    "graceshim looks again at the moment of the stop: if it then recognises for sure the process that the first signal "
    "would reach, it stops that process as the preset says, without a shield";

std::string quoted_command(const std::vector<std::string>& command) {
  std::string text;
  for (const std::string& word : command) {
    if (!text.empty()) text.push_back(' ');
    const bool plain = !word.empty() && word.find_first_of(" \t\"'\\$`;&|<>()*?") == std::string::npos;
    text.append(plain ? printable(word) : in_quotes(word));
  }
  return text;
}

// Colours for a terminal, or none; the words are the same.
class Pen {
 public:
  explicit Pen(bool coloured) : coloured_(coloured) {}
  [[nodiscard]] std::string heading(std::string_view text) const { return painted("1", text); }   // bold
  [[nodiscard]] std::string origin(std::string_view text) const { return painted("2", text); }    // dim
  [[nodiscard]] std::string kill(std::string_view text) const { return painted("31", text); }     // red
  [[nodiscard]] std::string warning(std::string_view text) const { return painted("33", text); }  // yellow

 private:
  // Paints each line by itself, because a pager forgets the colour at its end, and not the blanks that it begins with.
  [[nodiscard]] std::string painted(std::string_view colour, std::string_view text) const {
    if (!coloured_) return std::string(text);
    std::string result;
    while (!text.empty()) {
      const std::size_t end = std::min(text.find('\n'), text.size());
      const std::size_t begin = std::min(text.find_first_not_of(' '), end);
      result.append(text.substr(0, begin));
      if (begin != end) {
        result.append("\x1b[").append(colour).append("m");
        result.append(text.substr(begin, end - begin)).append("\x1b[0m");
      }
      result.append(text.substr(end, 1));
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    return result;
  }

  bool coloured_;
};

std::string section(const Pen& pen, std::string_view title) {
  return "\n" + pen.heading(title) + "\n";
}

// The words, values and file names that are printed here may hold any bytes. So every line is made by labelled(),
// setting_line() or warning_block(), which escape such texts, or by timeline(), which prints only our own words.

// Returns "Preset      text", with further lines of the text indented to its column.
std::string labelled(std::string_view label, std::string_view text) {
  std::string block = wrap(escaped(text), kLabelColumn);
  if (block.empty()) return block;
  block.replace(0, label.size(), label);
  return block;
}

std::string head(const Pen& pen, const Explanation& explanation) {
  const Explanation::Recognition& preset = explanation.preset;
  const Explanation::Recognition& platform = explanation.platform;
  const auto titled = [&pen](std::string_view label, std::string_view block_text) {
    std::string block = labelled(label, block_text);
    return block.replace(0, std::min(label.size(), block.size()), pen.heading(label));
  };
  std::string text = titled("Command", explanation.command.empty() ? "none" : quoted_command(explanation.command));
  text += titled("Preset", preset.heading);
  if (preset.name.empty() && explanation.looks_again) text += labelled("", kLooksAgain);
  text += labelled("", preset.note);
  if (!preset.source.empty()) text += labelled("", "(" + preset.source + ")");
  return text + titled("Platform", platform.heading) + labelled("", platform.note);
}

std::string setting_line(const Pen& pen, const std::string& name, std::string_view any_value,
                         std::string_view any_origin) {
  const std::string value = escaped(any_value);
  const std::string origin = escaped(any_origin);
  std::string line = pad("  " + name, kKeyColumn) + pad("= " + value, kValueColumn);
  // If the line is too long, the origin gets a line of its own.
  if (line.size() + origin.size() > kLineWidth) {
    line = wrap(pad(name, kKeyColumn - 2) + "= " + value, 2);
    line += std::string(kKeyColumn + kValueColumn, ' ');
  }
  return line + pen.origin(origin) + "\n";
}

std::string timeline(const Pen& pen, const std::vector<Bar>& bars) {
  Millis end{0};
  bool endless = false;
  for (const Bar& bar : bars) {
    if (bar.from != kInfinity) end = std::max(end, bar.from);
    if (bar.to == kInfinity)
      endless = true;
    else
      end = std::max(end, bar.to);
  }
  // A wait without end takes the right part of the picture.
  const std::size_t scaled = !endless ? kAxis : end == Millis{0} ? 0 : kAxis * 2 / 3;
  const auto column = [&](Millis time) -> std::size_t {
    if (time == kInfinity) return kAxis;
    if (end == Millis{0}) return 0;
    const double share = static_cast<double>(time.count()) / static_cast<double>(end.count());
    return static_cast<std::size_t>(share * static_cast<double>(scaled));
  };

  std::size_t labels = kLabelColumn;
  for (const Bar& bar : bars) labels = std::max(labels, bar.label.size() + 3);
  const std::string last = endless ? "for ever" : format_duration(end);
  std::string scale = pad("", labels) + "0s";
  scale = pad(std::move(scale), labels + kAxis + 1 - std::min(last.size(), kAxis)) + last;
  std::string text =
      scale + "\n" + std::string(labels, ' ') + "|" + std::string(kAxis - 1, '-') + (endless ? ">" : "|") + "\n";
  for (const Bar& bar : bars) {
    std::string line = pad("  " + bar.label, labels);
    std::string row(kAxis + 1, ' ');
    std::string when = "never";
    if (bar.from != kInfinity) {
      when = format_duration(bar.from);
      const std::size_t from = column(bar.from);
      const std::size_t to = column(bar.to);
      row[from] = '#';
      for (std::size_t i = from + 1; i < to; ++i) row[i] = '=';
      if (bar.to == kInfinity) row[kAxis - 1] = '>';
    }
    line.append(row).append(" ").append(when);
    if (!bar.text.empty() && bar.from != kInfinity) line.append(", ").append(bar.text);
    line.erase(line.find_last_not_of(' ') + 1);
    text += (bar.signal == "KILL" ? pen.kill(line) : line) + "\n";
  }
  return text;
}

std::string stop(const Pen& pen, const Explanation& explanation) {
  std::string text = section(pen, "Stop");
  std::string on = format_signals(explanation.triggers);
  for (const int signal : explanation.implicit_triggers) {
    on += "; " + signal_name(signal) + " because the plan begins with it";
  }
  text += labelled("  on", on);
  text += labelled("  plan", explanation.plan + " (" + explanation.plan_reason + ")");
  text += labelled("  timeout", format_duration(explanation.timeout) + " (" + explanation.timeout_reason + ")");
  if (explanation.extend_max != Millis{0}) {
    text += labelled("  extension", "up to " + format_duration(explanation.extend_max) +
                                        " past the timeout, if the command asks for it (EXTEND_TIMEOUT_USEC)");
  }
  if (!explanation.shield.empty()) {
    text += labelled("  shield", format_signals(explanation.shield) + " (" + explanation.shield_reason + ")");
    text += labelled("", explanation.shield_note);
    if (explanation.plan_if_refused != explanation.plan) {
      text += labelled("", "Where the kernel refuses the shield, the plan is " + explanation.plan_if_refused + ".");
    }
  } else if (!explanation.shield_note.empty()) {
    text += labelled("  shield", "none: " + explanation.shield_note);
  }
  return text + "\n" + timeline(pen, explanation.timeline);
}

std::string around(const Pen& pen, const Explanation& explanation) {
  std::string text = section(pen, "Before and after");
  if (explanation.pre_start) {
    text += labelled("  start.pre",
                     "before each start of the command, without a limit; if it fails, the command is not "
                     "started");
  }
  if (explanation.post_stop_limit) {
    text += labelled("  stop.post", "after each life of the command, once its processes have ended: for " +
                                        format_duration(kMostPostStop) +
                                        ", or in a stop for what is left of the timeout, " + "but at least " +
                                        format_duration(kLeastPostStop));
  }
  return text;
}

// Returns "1s, 2s, 4s (each up to a quarter longer), then graceshim gives up".
std::string ladder(const Explanation::Restarts& restarts) {
  std::string text;
  for (const Millis delay : restarts.delays) text.append(text.empty() ? "" : ", ").append(format_duration(delay));
  const bool repeats = restarts.limit > restarts.delays.size();
  if (repeats) text += ", then every " + format_duration(restarts.delays.back());
  text += " (each up to a quarter longer)";
  if (restarts.limit == kNoLimit) return text;
  return text + ", then graceshim gives up" +
         (repeats ? ", after " + std::to_string(restarts.limit) + " restarts in a row" : "");
}

std::string ready(const Pen& pen, const Explanation::Ready& ready) {
  std::string text = section(pen, "Readiness") + labelled("  from", ready.from + " (" + ready.from_reason + ")");
  if (!ready.file.empty()) text += labelled("  file", ready.file + ": there from ready to the stop");
  if (ready.fd) text += labelled("  fd", std::to_string(*ready.fd) + ": gets a newline");
  return text;
}

std::string watchdog(const Pen& pen, Millis interval) {
  return section(pen, "Watchdog") +
         labelled("  interval", format_duration(interval) + " without WATCHDOG=1, once the command is ready") +
         labelled("  a miss", "ABRT to the command, which has " + format_duration(kMostAbort) +
                                  " at most to end; then the plan, without delay and pre_stop; a failure in any case");
}

std::string restart(const Pen& pen, const Explanation::Restarts& restarts, bool counts_from_ready) {
  std::string policy = restarts.policy;
  policy.append(" (").append(restarts.policy_reason.empty() ? "default" : restarts.policy_reason).append(")");
  if (!restarts.ends.empty()) policy.append(": ").append(restarts.ends);
  std::string text = section(pen, "Restart") + labelled("  policy", policy);
  if (!restarts.delays.empty()) {
    text += labelled("  waits", ladder(restarts));
    text += labelled("", "A life of " + format_duration(restarts.reset_after) +
                             (counts_from_ready ? ", counted from when it is ready," : "") + " begins a new row.");
  }
  if (!restarts.signals.empty()) {
    text += labelled("  signals", format_signals(restarts.signals) +
                                      ": the command is stopped as above and started again at once, which does not "
                                      "count");
  }
  return text;
}

std::string warning_block(const Pen& pen, std::string_view warning) {
  std::string block = wrap(escaped(warning), 4);
  return pen.warning(block.replace(2, 1, "-"));
}

}  // namespace

std::string explain(const Invocation& invocation, const PlanResult& plan, bool coloured) {
  const Explanation explanation = explanation_of(invocation, plan);
  const Pen pen(coloured);
  std::string text = head(pen, explanation) + section(pen, "Settings");
  for (const Explanation::Setting& setting : explanation.settings) {
    text += setting_line(pen, setting.name, setting.value.empty() ? "none" : setting.value,
                         setting.where.empty() ? "default" : setting.where);
  }
  text += stop(pen, explanation);
  if (explanation.pre_start || explanation.post_stop_limit) text += around(pen, explanation);
  if (explanation.restart) text += restart(pen, *explanation.restart, explanation.ready.has_value());
  if (explanation.ready) text += ready(pen, *explanation.ready);
  if (explanation.watchdog != kInfinity) text += watchdog(pen, explanation.watchdog);
  if (!explanation.warnings.empty()) text += section(pen, "Warnings");
  for (const std::string& warning : explanation.warnings) text += warning_block(pen, warning);
  return text;
}

}  // namespace graceshim
