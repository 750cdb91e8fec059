// --explain: what would happen, and why.
#include <algorithm>

#include "configure.h"
#include "graceshim/json.h"
#include "graceshim/text.h"
#include "keys.h"
#include "layout.h"
#include "platforms.h"
#include "presets.h"

namespace graceshim {

namespace {

constexpr std::size_t kLabelColumn = 12;
constexpr std::size_t kKeyColumn = 26;
constexpr std::size_t kValueColumn = 28;
constexpr std::size_t kAxis = 48;  // columns from 0 to the end of the timeline

constexpr std::string_view kLooksAgain =
    "graceshim looks again at the moment of the stop: a process that the first signal would reach, and that is "
    "recognised for sure then, is stopped as its preset says, without a shield";

std::string quoted_command(const std::vector<std::string>& command) {
  std::string text;
  for (const std::string& word : command) {
    if (!text.empty()) text.push_back(' ');
    const bool plain = !word.empty() && word.find_first_of(" \t\"'\\$`;&|<>()*?") == std::string::npos;
    text.append(plain ? printable(word) : in_quotes(word));
  }
  return text;
}

// Words, values, names of files: what is printed here may come from anywhere. Every line is made by one of labelled(),
// setting_line() and warning_block(), which escape it, or by timeline(), which holds nothing but our own words.

// "Preset      text", further lines under the text.
std::string labelled(std::string_view label, std::string_view text) {
  std::string block = wrap(escaped(text), kLabelColumn);
  if (block.empty()) return block;
  block.replace(0, label.size(), label);
  return block;
}

std::string head(const Invocation& invocation) {
  std::string text = labelled("Command", invocation.command.empty() ? "none" : quoted_command(invocation.command));
  if (invocation.preset.empty()) {
    const std::string& wanted = invocation.config.preset.value;
    text += labelled("Preset", wanted == "none" ? "none: " + invocation.config.preset.where
                                                : std::string("none: the command was not recognised for sure"));
    if (may_recognise_late(invocation)) text += labelled("", kLooksAgain);
  } else {
    const bool recognised = invocation.config.preset.value == "auto";
    text +=
        labelled("Preset", invocation.preset + (recognised ? ": recognised by " + in_quotes(invocation.preset_reason)
                                                           : ": " + invocation.preset_reason));
    text += labelled("", invocation.preset_note);
    if (const Preset* row = find_preset(invocation.preset)) text += labelled("", "(" + std::string(row->source) + ")");
  }
  if (invocation.platform.name.empty()) {
    return text + labelled("Platform", invocation.config.platform.value == "none"
                                           ? "none: " + invocation.config.platform.where
                                           : std::string("none was recognised"));
  }
  text += labelled("Platform", invocation.platform.name + ": " + invocation.platform_reason);
  if (const Platform* row = find_platform(invocation.platform.name)) text += labelled("", row->note);
  return text;
}

std::string origin_text(const Shown& shown) {
  return shown.where.empty() ? "default" : shown.where;
}

std::string setting_line(const std::string& name, std::string_view any_value, std::string_view any_origin) {
  const std::string value = escaped(any_value);
  const std::string origin = escaped(any_origin);
  std::string line = pad("  " + name, kKeyColumn) + pad("= " + value, kValueColumn) + origin;
  // Too long for its columns: the origin has a line of its own.
  if (line.size() > kLineWidth) {
    line = wrap(pad(name, kKeyColumn - 2) + "= " + value, 2);
    line += std::string(kKeyColumn + kValueColumn, ' ') + origin;
  }
  return line + "\n";
}

std::string settings(const Config& config) {
  std::string text = "\nSettings\n";
  for (const Key& key : keys()) {
    if (key.toml.empty()) continue;
    if (&key != &signals_key()) {
      const Shown shown = key.show(config);
      text += setting_line(std::string(key.toml), shown.value.empty() ? "none" : shown.value, origin_text(shown));
      continue;
    }
    for (const Setting<SignalMapping>& entry : config.signals) {
      const SignalMapping& mapping = entry.value;
      text += setting_line("signals." + signal_name(mapping.signal),
                           mapping.image == 0 ? "ignore" : signal_name(mapping.image), entry.where);
    }
  }
  return text;
}

// One bar of the timeline. `to` is where its wait ends; the two are equal for what takes no time.
struct Bar {
  enum class Kind : std::uint8_t { kDelay, kHook, kSignal, kPlatform };
  Kind kind = Kind::kSignal;
  PlanStep step{};  // kSignal
  Millis from{0};
  Millis to{0};
};

std::string_view receiver(Scope scope) {
  switch (scope) {
    case Scope::kMain:
      return "to the child";
    case Scope::kGroup:
      return "to its process group";
    case Scope::kTree:
      return "to every process";
  }
  return "";
}

Millis later(Millis time, Millis wait) {
  return time == kInfinity || wait == kInfinity ? kInfinity : time + wait;
}

// The plan as it runs if nothing ends early, and a hook takes no longer than the delay.
std::vector<Bar> bars_of(const Plan& plan, const PlatformFacts& platform) {
  std::vector<Bar> bars;
  if (plan.delay > Millis{0}) bars.push_back({Bar::Kind::kDelay, {}, Millis{0}, plan.delay});
  if (plan.hook) bars.push_back({Bar::Kind::kHook, {}, Millis{0}, plan.hook_limit});
  const Millis fixed = plan.delay + fixed_waits(plan.steps);
  Millis left = kInfinity;  // what an `auto` wait is
  if (plan.timeout != kInfinity) left = plan.timeout > fixed ? plan.timeout - fixed : Millis{0};
  Millis at = plan.delay;
  bool killed = false;
  for (const PlanStep& step : plan.steps) {
    const bool kill = step.signal == sig::kKill && step.scope == Scope::kTree;
    const Millis wait = step.wait == kAutoWait ? left : step.wait;
    bars.push_back({Bar::Kind::kSignal, step, at, kill ? at : later(at, wait)});
    at = later(at, wait);
    killed = killed || kill;
  }
  if (!killed && plan.timeout != kInfinity) {
    bars.push_back({Bar::Kind::kSignal, {.signal = sig::kKill, .scope = Scope::kTree}, plan.timeout, plan.timeout});
  }
  if (platform.grace) bars.push_back({Bar::Kind::kPlatform, {}, *platform.grace, *platform.grace});
  return bars;
}

std::string signal_word(int signal) {
  return signal == kSameSignal ? std::string("same") : signal_name(signal);
}

std::string label_of(const Bar& bar, const PlatformFacts& platform) {
  switch (bar.kind) {
    case Bar::Kind::kDelay:
      return "delay";
    case Bar::Kind::kHook:
      return "pre_stop";
    case Bar::Kind::kSignal:
      return signal_word(bar.step.signal);
    case Bar::Kind::kPlatform:
      break;
  }
  return platform.name;
}

std::string text_of(const Bar& bar) {
  switch (bar.kind) {
    case Bar::Kind::kDelay:
      return "";
    case Bar::Kind::kHook:
      return bar.to == kInfinity ? "until it ends" : "at most, then the first signal";
    case Bar::Kind::kSignal:
      return (bar.step.signal == kSameSignal ? "the signal that came, " : "") + std::string(receiver(bar.step.scope));
    case Bar::Kind::kPlatform:
      break;
  }
  return "its own KILL";
}

std::string timeline(const std::vector<Bar>& bars, const PlatformFacts& platform) {
  Millis end{0};
  bool endless = false;
  for (const Bar& bar : bars) {
    if (bar.from != kInfinity) end = std::max(end, bar.from);
    if (bar.to == kInfinity)
      endless = true;
    else
      end = std::max(end, bar.to);
  }
  // An endless wait gets the right part of the picture.
  const std::size_t scaled = !endless ? kAxis : end == Millis{0} ? 0 : kAxis * 2 / 3;
  const auto column = [&](Millis time) -> std::size_t {
    if (time == kInfinity) return kAxis;
    if (end == Millis{0}) return 0;
    const double share = static_cast<double>(time.count()) / static_cast<double>(end.count());
    return static_cast<std::size_t>(share * static_cast<double>(scaled));
  };

  std::size_t labels = kLabelColumn;
  for (const Bar& bar : bars) labels = std::max(labels, label_of(bar, platform).size() + 3);
  const std::string last = endless ? "for ever" : format_duration(end);
  std::string scale = pad("", labels) + "0s";
  scale = pad(std::move(scale), labels + kAxis + 1 - std::min(last.size(), kAxis)) + last;
  std::string text =
      scale + "\n" + std::string(labels, ' ') + "|" + std::string(kAxis - 1, '-') + (endless ? ">" : "|") + "\n";
  for (const Bar& bar : bars) {
    std::string line = pad("  " + label_of(bar, platform), labels);
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
    const std::string words = text_of(bar);
    if (!words.empty() && bar.from != kInfinity) line.append(", ").append(words);
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

// What a shield breaks: whoever relies on the signal has to know.
std::string shield_note(const Plan& plan) {
  const std::string names = format_signals(plan.shield);
  const bool is_term = plan.shield.has(sig::kTerm);
  return names + " does nothing to any process of the command, whoever sends it" +
         (is_term ? ": timeout(1), Python's Popen.terminate() and a plain kill end nobody there, another signal does"
                  : "") +
         ". Only who blocks it and waits for it (sigwait, signalfd) gets it. Without the privileges of root, programs "
         "such as sudo gain none.";
}

std::string refusal_note(const PlanResult& result) {
  if (result.unshielded.steps == result.plan.steps) return "";
  return "Where the kernel refuses it, the plan is " + format_plan(result.unshielded.steps) + ".";
}

// Why none comes up by itself, where for others one would.
std::string unfit_note(const Invocation& invocation) {
  const Preset* row = find_preset(invocation.preset);
  if (row == nullptr || invocation.platform.broadcast.empty()) return "";
  const std::string names = format_signals(invocation.platform.broadcast);
  const std::string unfit = " stops its own processes by TERM, and would not end behind a shield; ";
  switch (row->shielding) {
    case Shielding::kUnfit:
      return invocation.preset + unfit + "it finishes by itself when every process gets " + names + ".";
    case Shielding::kUnfitLoses:
      return invocation.preset + unfit + "it does not finish when every process gets " + names + ".";
    case Shielding::kUnwanted:
      return "with " + std::string(row->variable.empty() ? "TERM_CHILD" : row->variable) +
             " set a job cleans up on the " + names +
             " that every process gets; behind a shield it would be killed without that.";
    case Shielding::kPointless:
      return "no signal lets " + invocation.preset + " finish its work, so that a shield would gain nothing.";
    case Shielding::kNeedless:
    case Shielding::kNeeded:
      break;
  }
  return "";
}

std::string plan_block(const Invocation& invocation, const PlanResult& result) {
  const Plan& plan = result.plan;
  std::string text = "\nStop\n";
  std::string on = format_signals(triggers_of(plan));
  for (const int signal : result.implicit_triggers)
    on += "; " + signal_name(signal) + " because the plan begins with it";
  text += labelled("  on", on);
  text += labelled("  plan", format_plan(plan.steps) + " (" + result.steps_reason + ")");
  text += labelled("  timeout", format_duration(plan.timeout) + " (" + result.timeout_reason + ")");
  if (!plan.shield.empty()) {
    text += labelled("  shield", format_signals(plan.shield) + " (" + invocation.config.stop_shield.where + ")");
    text += labelled("", shield_note(plan));
    text += labelled("", refusal_note(result));
  } else if (const std::string why = unfit_note(invocation); !why.empty()) {
    text += labelled("  shield", "none: " + why);
  }
  return text + "\n" + timeline(bars_of(plan, invocation.platform), invocation.platform);
}

std::string warning_block(std::string_view warning) {
  std::string block = wrap(escaped(warning), 4);
  return block.replace(2, 1, "-");
}

// --- For programs. ---

constexpr int kExplainSchema = 1;

std::string_view origin_word(Origin origin) {
  switch (origin) {
    case Origin::kDefault:
      return "default";
    case Origin::kPlatform:
      return "platform";
    case Origin::kPreset:
      return "preset";
    case Origin::kFile:
      return "file";
    case Origin::kEnvironment:
      return "environment";
    case Origin::kCommandLine:
      break;
  }
  return "command_line";
}

void write_time(JsonWriter& json, std::string_view name, Millis time) {
  json.key(name);
  time == kInfinity ? json.null() : json.number(time.count());
}

void write_signals(JsonWriter& json, std::string_view name, const SignalSet& signals) {
  std::vector<std::string> names;
  for (int signal = 1; signal <= kSignalMax; ++signal) {
    if (signals.has(signal)) names.push_back(signal_name(signal));
  }
  json.texts(name, names);
}

void write_preset(JsonWriter& json, const Invocation& invocation) {
  json.key("preset");
  if (invocation.preset.empty()) return json.null();
  const Preset* row = find_preset(invocation.preset);
  json.open('{');
  json.member("name", invocation.preset);
  json.member("reason", invocation.preset_reason);
  json.member("note", invocation.preset_note);
  json.member("source", row == nullptr ? std::string_view() : row->source);
  json.close('}');
}

void write_platform(JsonWriter& json, const Invocation& invocation) {
  json.key("platform");
  if (invocation.platform.name.empty()) return json.null();
  const Platform* row = find_platform(invocation.platform.name);
  json.open('{');
  json.member("name", invocation.platform.name);
  json.member("reason", invocation.platform_reason);
  json.member("note", row == nullptr ? std::string_view() : row->note);
  write_time(json, "grace_ms", invocation.platform.grace.value_or(kInfinity));
  json.member_boolean("signals_every_process", !invocation.platform.broadcast.empty());
  json.close('}');
}

void write_setting(JsonWriter& json, std::string_view name, std::string_view value, Origin origin,
                   std::string_view where) {
  json.key(name);
  json.open('{');
  json.member("value", value);
  json.member("origin", origin_word(origin));
  json.member("where", where);
  json.close('}');
}

void write_settings(JsonWriter& json, const Config& config) {
  json.key("settings");
  json.open('{');
  for (const Key& key : keys()) {
    if (key.toml.empty()) continue;
    if (&key != &signals_key()) {
      const Shown shown = key.show(config);
      write_setting(json, key.toml, shown.value, shown.origin, shown.where);
      continue;
    }
    for (const Setting<SignalMapping>& entry : config.signals) {
      const SignalMapping& mapping = entry.value;
      write_setting(json, "signals." + signal_name(mapping.signal),
                    mapping.image == 0 ? std::string("ignore") : signal_name(mapping.image), entry.origin, entry.where);
    }
  }
  json.close('}');
}

void write_timeline(JsonWriter& json, const std::vector<Bar>& bars) {
  json.key("timeline");
  json.open('[');
  for (const Bar& bar : bars) {
    json.open('{');
    switch (bar.kind) {
      case Bar::Kind::kDelay:
        json.member("what", "delay");
        break;
      case Bar::Kind::kHook:
        json.member("what", "pre_stop");
        break;
      case Bar::Kind::kSignal:
        json.member("what", "signal");
        json.member("signal", signal_word(bar.step.signal));
        json.member("scope", scope_word(bar.step.scope));
        break;
      case Bar::Kind::kPlatform:
        json.member("what", "platform_kill");
        break;
    }
    write_time(json, "from_ms", bar.from);
    write_time(json, "to_ms", bar.to);
    json.close('}');
  }
  json.close(']');
}

void write_stop(JsonWriter& json, const Invocation& invocation, const PlanResult& result) {
  SignalSet implicit;
  for (const int signal : result.implicit_triggers) implicit.add(signal);
  json.key("stop");
  json.open('{');
  write_signals(json, "triggers", triggers_of(result.plan));
  write_signals(json, "implicit_triggers", implicit);
  json.member("plan", format_plan(result.plan.steps));
  json.member("plan_reason", result.steps_reason);
  json.member_boolean("looks_again", may_recognise_late(invocation));
  write_signals(json, "shield", result.plan.shield);
  json.member("shield_reason", result.plan.shield.empty() ? std::string() : invocation.config.stop_shield.where);
  json.member("shield_note", result.plan.shield.empty() ? unfit_note(invocation) : shield_note(result.plan));
  json.member("plan_if_refused", result.plan.shield.empty() ? std::string() : format_plan(result.unshielded.steps));
  write_time(json, "timeout_ms", result.plan.timeout);
  json.member("timeout_reason", result.timeout_reason);
  write_timeline(json, bars_of(result.plan, invocation.platform));
  json.close('}');
}

}  // namespace

std::string explain(const Invocation& invocation, const PlanResult& plan) {
  std::string text = head(invocation) + settings(invocation.config) + plan_block(invocation, plan);
  if (invocation.warnings.empty()) return text;
  text += "\nWarnings\n";
  for (const std::string& warning : invocation.warnings) text += warning_block(warning);
  return text;
}

std::string explain_json(const Invocation& invocation, const PlanResult& plan) {
  std::string text;
  JsonWriter json(text);
  json.open('{');
  json.member("schema_version", kExplainSchema);
  json.member("graceshim", program_version());
  json.texts("command", invocation.command);
  write_preset(json, invocation);
  write_platform(json, invocation);
  write_settings(json, invocation.config);
  write_stop(json, invocation, plan);
  json.texts("warnings", invocation.warnings);
  json.close('}');
  return text + "\n";
}

}  // namespace graceshim
