#include "keys.h"

#include <array>
#include <charconv>
#include <cstdlib>

#include "graceshim/text.h"
#include "platforms.h"
#include "presets.h"

namespace graceshim {

namespace {

using Kind = Value::Kind;
using Names = std::span<const std::string_view>;

// --- Words, in the order of their enums. ---

constexpr std::array<std::string_view, 4> kRepeatWords{"auto", "ignore", "escalate", "forward"};
constexpr std::array<std::string_view, 5> kStragglerWords{"stop", "wait", "leave", "dismiss", "finish"};
constexpr std::array<std::string_view, 3> kReadyWords{"stop", "translation", "all"};
constexpr std::array<std::string_view, 2> kResumeWords{"always", "stopped"};
constexpr std::array kChildScopeWords{scope_word(Scope::kMain), scope_word(Scope::kGroup)};
constexpr std::array<std::string_view, 4> kLevelWords{"error", "warn", "info", "debug"};
constexpr std::array<std::string_view, 5> kEveryLevelWord{"error", "warn", "info", "debug", "trace"};
constexpr std::array<std::string_view, 2> kFormatWords{"text", "json"};
constexpr std::array<std::string_view, 4> kBooleanWords{"yes", "no", "true", "false"};
constexpr std::array<std::string_view, 2> kTimeoutWords{"auto", "infinity"};
constexpr std::array<std::string_view, 1> kSignalWords{"same"};
constexpr std::array<std::string_view, 1> kMappingWords{"ignore"};
constexpr std::array<std::string_view, 2> kNameWords{"auto", "none"};

// --- Reading. Every error begins with the value's place. ---

std::string_view kind_name(const Value& value) {
  switch (value.kind) {
    case Kind::kText:
      return "text";
    case Kind::kNumber:
      return "a number";
    case Kind::kBoolean:
      return "a boolean";
    case Kind::kList:
    case Kind::kPair:
      return "a list";
    case Kind::kOther:
      return value.text;
  }
  return "";
}

tl::unexpected<Error> wrong_kind(const Value& value, std::string_view expected) {
  std::string message = "expected ";
  message.append(expected).append(", not ").append(kind_name(value));
  return fail_at(value.where, message);
}

bool is_scalar(const Value& value) {
  return value.kind == Kind::kText || value.kind == Kind::kNumber;
}

tl::unexpected<Error> unknown_word(const Value& value, std::string_view what, Names words) {
  std::string message = "unknown ";
  message.append(what).append(" '").append(printable(value.text)).append("'");
  const std::string hint = nearest_hint(value.text, words);
  if (!hint.empty()) {
    message.append(hint);
  } else if (words.size() <= 8) {
    message.append("; expected ");
    for (std::size_t i = 0; i < words.size(); ++i) {
      if (i != 0) message.append(i + 1 == words.size() ? " or " : ", ");
      message.append(words[i]);
    }
  }
  return fail_at(value.where, message);
}

template <class T>
Result<T> at_place(const Value& value, Result<T> parsed) {
  if (!parsed) return fail_at(value.where, parsed.error().message);
  return parsed;
}

// "TERM, INT" or ["TERM", "INT"] as single values, each with its own place.
Result<std::vector<Value>> items_of(const Value& value, std::string_view expected) {
  if (value.kind == Kind::kList) {
    for (const Value& item : value.items) {
      if (!is_scalar(item)) return wrong_kind(item, expected);
    }
    return value.items;
  }
  if (!is_scalar(value)) return wrong_kind(value, expected);
  std::vector<Value> items;
  std::string_view rest = value.text;
  while (true) {
    const std::size_t comma = rest.find(',');
    std::string_view word = rest.substr(0, comma);
    while (word.starts_with(' ')) word.remove_prefix(1);
    while (word.ends_with(' ')) word.remove_suffix(1);
    items.push_back(Value{.kind = value.kind, .text = std::string(word), .where = value.where});
    if (comma == std::string_view::npos) return items;
    rest.remove_prefix(comma + 1);
  }
}

// KILL and STOP never arrive, and CHLD is how graceshim hears of its own children.
bool can_arrive(int signal) {
  return signal != sig::kKill && signal != sig::kStop && signal != sig::kChld;
}

Result<int> read_signal(const Value& value) {
  if (!is_scalar(value)) return wrong_kind(value, "a signal");
  return at_place(value, parse_signal(value.text));
}

Result<int> read_arriving_signal(const Value& value) {
  Result<int> signal = read_signal(value);
  if (signal && !can_arrive(*signal)) {
    return fail_at(value.where, signal_name(*signal) +
                                    (*signal == sig::kChld ? " tells graceshim of its own children, it has no other use"
                                                           : " cannot be caught by any program"));
  }
  return signal;
}

Result<SignalSet> read_signals(const Value& value) {
  const auto items = items_of(value, "a list of signals");
  if (!items) return tl::unexpected(items.error());
  if (items->empty()) return fail_at(value.where, "expected at least one signal");
  SignalSet signals;
  for (const Value& item : *items) {
    const Result<int> signal = read_arriving_signal(item);
    if (!signal) return tl::unexpected(signal.error());
    signals.add(*signal);
  }
  return signals;
}

Result<int> read_stop_signal(const Value& value) {
  if (value.kind == Kind::kText && value.text == "same") return kSameSignal;
  Result<int> signal = read_signal(value);
  if (signal && (*signal == sig::kCont || *signal == sig::kStop || *signal == sig::kChld)) {
    return fail_at(value.where, signal_name(*signal) + " does not end a process");
  }
  return signal;
}

Result<Millis> read_duration(const Value& value) {
  if (!is_scalar(value)) return wrong_kind(value, "a duration");
  return at_place(value, parse_duration(value.text));
}

Result<Timeout> read_timeout(const Value& value) {
  if (!is_scalar(value)) return wrong_kind(value, "a duration, \"auto\" or \"infinity\"");
  if (value.text == "auto") return Timeout{Auto{}};
  if (value.text == "infinity") return Timeout{kInfinity};
  if (nearest(value.text, kTimeoutWords)) return unknown_word(value, "timeout", kTimeoutWords);
  const Result<Millis> duration = read_duration(value);
  if (!duration) return tl::unexpected(duration.error());
  if (*duration == Millis{0}) return fail_at(value.where, "a timeout must be longer than 0");
  return Timeout{*duration};
}

Result<StepList> read_plan(const Value& value) {
  if (value.kind != Kind::kText) return wrong_kind(value, "a plan such as \"QUIT/auto/TERM/5s/KILL\"");
  return at_place(value, parse_plan(value.text));
}

bool has_zero_byte(const Value& value) {
  return value.text.find('\0') != std::string::npos;
}

Result<std::vector<std::string>> read_hook(const Value& value) {
  if (has_zero_byte(value)) return fail_at(value.where, "a command cannot hold a zero byte");
  if (value.kind == Kind::kText) {
    if (value.text.empty()) return std::vector<std::string>{};
    return std::vector<std::string>{"/bin/sh", "-c", value.text};
  }
  if (value.kind != Kind::kList) return wrong_kind(value, "a command: text for the shell, or a list of words");
  std::vector<std::string> words;
  for (const Value& item : value.items) {
    if (item.kind != Kind::kText) return wrong_kind(item, "a word of the command, as text");
    if (has_zero_byte(item)) return fail_at(item.where, "a command cannot hold a zero byte");
    words.push_back(item.text);
  }
  if (!words.empty() && words.front().empty()) return fail_at(value.where, "the command's name is empty");
  return words;
}

Result<CodeSet> read_codes(const Value& value) {
  const auto items = items_of(value, "a list of exit statuses");
  if (!items) return tl::unexpected(items.error());
  CodeSet codes;
  for (const Value& item : *items) {
    int code = 0;
    bool good = !item.text.empty() && item.text.size() <= 3;
    for (const char digit : item.text) {
      good = good && digit >= '0' && digit <= '9';
      if (good) code = code * 10 + (digit - '0');
    }
    if (!good || code > 255) {
      return fail_at(item.where, in_quotes(item.text) + " is not an exit status of 0 to 255");
    }
    codes.add(code);
  }
  return codes;
}

Result<bool> read_boolean(const Value& value) {
  if (value.kind != Kind::kBoolean && value.kind != Kind::kText) return wrong_kind(value, "true or false");
  if (value.text == "yes" || value.text == "true") return true;
  if (value.text == "no" || value.text == "false") return false;
  return unknown_word(value, "word", kBooleanWords);
}

Result<ReportTarget> read_report(const Value& value) {
  if (value.kind != Kind::kText || value.text.empty())
    return wrong_kind(value, "a path, \"auto\", \"none\" or \"fd:N\"");
  if (has_zero_byte(value)) return fail_at(value.where, "a path cannot hold a zero byte");
  using Target = ReportTarget::Kind;
  if (value.text == "auto") return ReportTarget{};
  if (value.text == "none") return ReportTarget{.kind = Target::kNone};
  // Other names of descriptors: opened at the end they would be what graceshim has put there by then.
  constexpr std::array<std::string_view, 3> kFdPrefixes{"fd:", "/dev/fd/", "/proc/self/fd/"};
  if (value.text == "/dev/stdout") return ReportTarget{.kind = Target::kFd, .fd = 1};
  if (value.text == "/dev/stderr") return ReportTarget{.kind = Target::kFd, .fd = 2};
  std::string_view digits = value.text;
  for (const std::string_view prefix : kFdPrefixes) {
    if (digits.starts_with(prefix)) digits.remove_prefix(prefix.size());
  }
  if (digits == value.text) return ReportTarget{.kind = Target::kPath, .path = value.text};
  int fd = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), fd);
  if (error != std::errc() || end != digits.data() + digits.size() || fd < 0) {
    return fail_at(value.where, in_quotes(value.text) + " is no file descriptor; expected one as in fd:3");
  }
  return ReportTarget{.kind = Target::kFd, .fd = fd};
}

Result<Shield> read_shield(const Value& value) {
  if (value.kind == Kind::kText && value.text == "auto") return Shield{Auto{}};
  if (value.kind == Kind::kText && value.text == "none") return Shield{SignalSet{}};
  if (value.kind == Kind::kText && nearest(value.text, kNameWords)) return unknown_word(value, "shield", kNameWords);
  const Result<SignalSet> signals = read_signals(value);
  if (!signals) return tl::unexpected(signals.error());
  if (signals->has(sig::kCont)) return fail_at(value.where, "CONT continues a process even where it is ignored");
  if (signals->has(32) || signals->has(33)) return fail_at(value.where, "32 and 33 belong to the C library");
  return Shield{*signals};
}

Result<SignalSet> read_signals_or_none(const Value& value) {
  if (value.kind == Kind::kText && value.text == "none") return SignalSet{};
  return read_signals(value);
}

template <class Enum, const auto& kWords>
Result<Enum> read_word(const Value& value) {
  if (value.kind != Kind::kText) return wrong_kind(value, "a word");
  for (std::size_t i = 0; i < kWords.size(); ++i) {
    if (kWords[i] == value.text) return static_cast<Enum>(i);
  }
  return unknown_word(value, "word", kWords);
}

Result<std::string> read_preset(const Value& value) {
  if (value.kind != Kind::kText) return wrong_kind(value, "the name of a preset");
  if (value.text == "auto" || value.text == "none") return value.text;
  if (const Preset* row = find_preset(value.text)) return std::string(row->name);
  std::vector<std::string_view> names(kNameWords.begin(), kNameWords.end());
  for (const Preset& row : presets()) names.push_back(row.name);
  return unknown_word(value, "preset", names);
}

Result<std::string> read_platform(const Value& value) {
  if (value.kind != Kind::kText) return wrong_kind(value, "the name of a platform");
  if (value.text == "auto" || value.text == "none") return value.text;
  std::vector<std::string_view> names(kNameWords.begin(), kNameWords.end());
  for (const Platform& row : platforms()) {
    if (row.name == value.text) return value.text;
    names.push_back(row.name);
  }
  return unknown_word(value, "platform", names);
}

Result<SignalMapping> read_mapping(const Value& name, const Value& image) {
  const Result<int> from = read_arriving_signal(name);
  if (!from) return tl::unexpected(from.error());
  if (image.kind == Kind::kText && image.text == "ignore") return SignalMapping{*from, 0};
  const Result<int> to = read_signal(image);
  if (!to) return tl::unexpected(to.error());
  return SignalMapping{*from, *to};
}

Result<void> assign_mapping(Config& config, const Value& value, Origin origin) {
  std::vector<Value> pairs;
  if (value.kind == Kind::kPair) {
    pairs.push_back(value);
  } else {
    auto items = items_of(value, "signals as HUP:USR2");
    if (!items) return tl::unexpected(items.error());
    for (const Value& item : *items) {
      const std::size_t colon = item.text.find(':');
      if (colon == std::string::npos) {
        return fail_at(item.where, "expected two signals as in HUP:USR2, not " + in_quotes(item.text));
      }
      Value pair{.kind = Kind::kPair, .where = item.where};
      pair.items.push_back(Value{.text = item.text.substr(0, colon), .where = item.where});
      pair.items.push_back(Value{.text = item.text.substr(colon + 1), .where = item.where});
      pairs.push_back(std::move(pair));
    }
  }
  for (const Value& pair : pairs) {
    const Result<SignalMapping> mapping = read_mapping(pair.items[0], pair.items[1]);
    if (!mapping) return tl::unexpected(mapping.error());
    Setting<SignalMapping>* entry = nullptr;
    for (Setting<SignalMapping>& known : config.signals) {
      if (known.value.signal == mapping->signal) entry = &known;
    }
    if (entry == nullptr) {
      entry = &config.signals.emplace_back();
    } else if (origin == Origin::kFile && entry->origin == origin) {
      // A file can name one signal twice, as HUP and as SIGHUP, and has no order in which one could win.
      return fail_at(pair.items[0].where, signal_name(mapping->signal) + " is mapped twice, see " + entry->where);
    }
    *entry = {*mapping, origin, pair.where};
  }
  return {};
}

template <auto kMember, auto kRead>
Result<void> assign(Config& config, const Value& value, Origin origin) {
  auto parsed = kRead(value);
  if (!parsed) return tl::unexpected(parsed.error());
  (config.*kMember) = {std::move(*parsed), origin, value.where};
  return {};
}

// --- Showing: what is written could be read again. ---

std::string write_text(const std::string& text) {
  return text;
}
std::string write_signals(SignalSet signals) {
  return format_signals(signals);
}
std::string write_stop_signal(int signal) {
  return signal == kSameSignal ? "same" : signal_name(signal);
}
std::string write_duration(Millis duration) {
  return format_duration(duration);
}
std::string write_boolean(bool value) {
  return value ? "yes" : "no";
}

std::string write_timeout(const Timeout& timeout) {
  const Millis* duration = std::get_if<Millis>(&timeout);
  return duration == nullptr ? "auto" : format_duration(*duration);
}

std::string write_shield(const Shield& shield) {
  const SignalSet* signals = std::get_if<SignalSet>(&shield);
  if (signals == nullptr) return "auto";
  return signals->empty() ? "none" : format_signals(*signals);
}

std::string write_hook(const std::vector<std::string>& words) {
  if (words.size() == 3 && words[0] == "/bin/sh" && words[1] == "-c") return words[2];
  std::string text;
  for (const std::string& word : words) text.append(text.empty() ? "" : " ").append(word);
  return text;
}

std::string write_report_target(const ReportTarget& target) {
  switch (target.kind) {
    case ReportTarget::Kind::kAuto:
      return "auto";
    case ReportTarget::Kind::kNone:
      return "none";
    case ReportTarget::Kind::kPath:
      return target.path;
    case ReportTarget::Kind::kFd:
      break;
  }
  return "fd:" + std::to_string(target.fd);
}

std::string write_codes(const CodeSet& codes) {
  std::string text;
  for (int code = 0; code <= 255; ++code) {
    if (codes.has(code)) text.append(text.empty() ? "" : ",").append(std::to_string(code));
  }
  return text;
}

template <class Enum, const auto& kWords>
std::string write_word(Enum value) {
  return std::string(kWords[static_cast<std::size_t>(value)]);
}

template <auto kMember, auto kWrite>
Shown show(const Config& config) {
  const auto& setting = config.*kMember;
  return {kWrite(setting.value), setting.origin, setting.where};
}

// Without a plan of its own, the signal is the plan.
Shown show_plan(const Config& config) {
  if (!config.stop_plan.value.empty()) {
    return {format_plan(config.stop_plan.value), config.stop_plan.origin, config.stop_plan.where};
  }
  return {format_plan(steps_of_signal(config.stop_signal.value, config.child_scope.value)), config.stop_signal.origin,
          config.stop_signal.where};
}

Shown show_mappings(const Config& config) {
  Shown shown;
  for (const Setting<SignalMapping>& entry : config.signals) {
    shown.value.append(shown.value.empty() ? "" : ",").append(signal_name(entry.value.signal)).append(":");
    shown.value.append(entry.value.image == 0 ? "ignore" : signal_name(entry.value.image));
    if (entry.origin >= shown.origin) {
      shown.origin = entry.origin;
      shown.where = entry.where;
    }
  }
  return shown;
}

// --- The table. ---

constexpr std::string_view kWhat = "What runs, and where";
constexpr std::string_view kStop = "How it stops";
constexpr std::string_view kRest = "Around it";
constexpr std::string_view kInstead = "Instead of running";

template <auto kMember, auto kRead, auto kWrite>
constexpr Key setting(Key row) {
  row.assign = assign<kMember, kRead>;
  row.show = show<kMember, kWrite>;
  return row;
}

constexpr Key with(Key row, decltype(Key::assign) assign_row, decltype(Key::show) show_row) {
  row.assign = assign_row;
  row.show = show_row;
  return row;
}

constexpr auto kReadLevel = read_word<LogLevel, kLevelWords>;
// What is shown can be written: the level that only an init in another's place has is the nearest of ours.
std::string write_level(LogLevel level) {
  return write_word<LogLevel, kEveryLevelWord>(std::min(level, LogLevel::kDebug));
}

constexpr std::array kKeys{
    setting<&Config::preset, read_preset, write_text>({.group = kWhat,
                                                       .toml = "preset",
                                                       .flag = "preset",
                                                       .variable = "GRACESHIM_PRESET",
                                                       .argument = "NAME",
                                                       .default_text = "auto",
                                                       .help = "Stop as this server wants it; auto: recognise COMMAND",
                                                       .words = kNameWords}),
    setting<&Config::platform, read_platform, write_text>(
        {.group = kWhat,
         .toml = "platform",
         .flag = "platform",
         .variable = "GRACESHIM_PLATFORM",
         .argument = "NAME",
         .default_text = "auto",
         .help = "Know this platform's grace period; auto: recognise it",
         .words = kNameWords}),
    Key{.role = Role::kConfigFile,
        .group = kWhat,
        .flag = "config",
        .letter = 'c',
        .variable = "GRACESHIM_CONFIG",
        .argument = "FILE",
        .default_text = "/etc/graceshim.toml, if it is there",
        .help = "Read settings from this TOML file"},
    setting<&Config::stop_signal, read_stop_signal, write_stop_signal>(
        {.group = kStop,
         .toml = "stop.signal",
         .flag = "stop-signal",
         .letter = 's',
         .variable = "GRACESHIM_STOP_SIGNAL",
         .argument = "SIGNAL",
         .default_text = "same",
         .help = "Send this one; same: the signal that asked for the stop",
         .words = kSignalWords}),
    setting<&Config::stop_timeout, read_timeout, write_timeout>(
        {.group = kStop,
         .toml = "stop.timeout",
         .flag = "stop-timeout",
         .letter = 't',
         .variable = "GRACESHIM_STOP_TIMEOUT",
         .argument = "DURATION",
         .default_text = "auto",
         .help = "KILL what is left after this; auto: just before the platform",
         .words = kTimeoutWords}),
    with({.group = kStop,
          .toml = "stop.plan",
          .flag = "stop-plan",
          .letter = 'p',
          .variable = "GRACESHIM_STOP_PLAN",
          .argument = "PLAN",
          .default_text = "same/auto/KILL",
          .help = "Send several, as QUIT/20s/TERM/5s/KILL; not with --stop-signal"},
         assign<&Config::stop_plan, read_plan>, show_plan),
    setting<&Config::stop_on, read_signals, write_signals>({.group = kStop,
                                                            .toml = "stop.on",
                                                            .flag = "stop-on",
                                                            .variable = "GRACESHIM_STOP_ON",
                                                            .argument = "SIGNAL,...",
                                                            .default_text = "TERM,INT",
                                                            .help = "Stop when one of these arrives"}),
    setting<&Config::stop_delay, read_duration, write_duration>(
        {.group = kStop,
         .toml = "stop.delay",
         .flag = "stop-delay",
         .variable = "GRACESHIM_STOP_DELAY",
         .argument = "DURATION",
         .default_text = "0s",
         .help = "Wait before the first signal, for connections to drain"}),
    setting<&Config::stop_pre_stop, read_hook, write_hook>({.group = kStop,
                                                            .toml = "stop.pre_stop",
                                                            .flag = "pre-stop",
                                                            .variable = "GRACESHIM_STOP_PRE_STOP",
                                                            .argument = "COMMAND",
                                                            .help = "Run this by /bin/sh before the first signal"}),
    setting<&Config::stop_repeat, (read_word<Repeat, kRepeatWords>), (write_word<Repeat, kRepeatWords>)>(
        {.group = kStop,
         .toml = "stop.repeat",
         .flag = "stop-repeat",
         .variable = "GRACESHIM_STOP_REPEAT",
         .argument = "WORD",
         .default_text = "auto",
         .help = "Take a second stop signal as: auto, ignore, escalate, forward",
         .words = kRepeatWords}),
    setting<&Config::stop_shield, read_shield, write_shield>(
        {.group = kStop,
         .toml = "stop.shield",
         .flag = "shield",
         .variable = "GRACESHIM_STOP_SHIELD",
         .argument = "SIGNAL,...",
         .default_text = "auto",
         .help = "Keep these from COMMAND if sent to every process; auto, none",
         .words = kNameWords}),
    setting<&Config::stop_stragglers, (read_word<Stragglers, kStragglerWords>),
            (write_word<Stragglers, kStragglerWords>)>(
        {.group = kStop,
         .toml = "stop.stragglers",
         .flag = "stragglers",
         .variable = "GRACESHIM_STOP_STRAGGLERS",
         .argument = "WORD",
         .default_text = "stop",
         .help = "What outlives COMMAND: stop it, let it finish until the timeout, wait for it, leave it, or dismiss "
                 "its group by one TERM",
         .words = kStragglerWords}),
    setting<&Config::stop_straggler_timeout, read_duration, write_duration>(
        {.group = kStop,
         .toml = "stop.straggler_timeout",
         .flag = "straggler-timeout",
         .variable = "GRACESHIM_STOP_STRAGGLER_TIMEOUT",
         .argument = "DURATION",
         .default_text = "10s",
         .help = "KILL it this long after COMMAND has ended of itself"}),
    with({.group = kRest,
          .toml = "signals",
          .flag = "map",
          .letter = 'm',
          .variable = "GRACESHIM_MAP",
          .argument = "HUP:USR2",
          .help = "Pass HUP on as USR2; HUP:ignore drops it; repeatable",
          .words = kMappingWords},
         assign_mapping, show_mappings),
    setting<&Config::exit_success, read_codes, write_codes>(
        {.group = kRest,
         .toml = "exit.success",
         .flag = "success-exit-status",
         .variable = "GRACESHIM_EXIT_SUCCESS",
         .argument = "CODE,...",
         .help = "After a stop that needed no KILL, exit 0 for these, e.g. 143"}),
    setting<&Config::child_scope, (read_word<Scope, kChildScopeWords>), (write_word<Scope, kChildScopeWords>)>(
        {.group = kRest,
         .toml = "child.scope",
         .flag = "scope",
         .variable = "GRACESHIM_CHILD_SCOPE",
         .argument = "WORD",
         .default_text = "main",
         .help = "Who gets the signals: COMMAND (main) or its process group (group); the steps of a plan name their "
                 "own (QUIT@group)",
         .words = kChildScopeWords}),
    setting<&Config::child_die_with_shim, read_boolean, write_boolean>(
        {.group = kRest,
         .toml = "child.die_with_shim",
         .flag = "die-with-shim",
         .variable = "GRACESHIM_CHILD_DIE_WITH_SHIM",
         .argument = "yes|no",
         .implied = "yes",
         .default_text = "yes",
         .help = "KILL COMMAND if graceshim itself is killed",
         .words = kBooleanWords}),
    setting<&Config::child_die_with_parent, read_boolean, write_boolean>(
        {.group = kRest,
         .toml = "child.die_with_parent",
         .flag = "die-with-parent",
         .variable = "GRACESHIM_CHILD_DIE_WITH_PARENT",
         .argument = "yes|no",
         .implied = "yes",
         .default_text = "no",
         .help = "Stop when the process that started graceshim ends",
         .words = kBooleanWords}),
    setting<&Config::log_level, kReadLevel, write_level>({.group = kRest,
                                                          .toml = "log.level",
                                                          .flag = "log-level",
                                                          .variable = "GRACESHIM_LOG_LEVEL",
                                                          .argument = "LEVEL",
                                                          .default_text = "info",
                                                          .help = "Log this and worse: error, warn, info, debug",
                                                          .words = kLevelWords}),
    setting<&Config::log_level, kReadLevel, write_level>(
        {.group = kRest, .letter = 'q', .implied = "error", .help = "Same as --log-level error"}),
    setting<&Config::log_level, kReadLevel, write_level>(
        {.group = kRest, .letter = 'v', .implied = "debug", .help = "Same as --log-level debug"}),
    setting<&Config::log_format, (read_word<LogFormat, kFormatWords>), (write_word<LogFormat, kFormatWords>)>(
        {.group = kRest,
         .toml = "log.format",
         .flag = "log-format",
         .variable = "GRACESHIM_LOG_FORMAT",
         .argument = "WORD",
         .default_text = "text",
         .help = "Log lines as text or json",
         .words = kFormatWords}),
    setting<&Config::report_path, read_report, write_report_target>(
        {.group = kRest,
         .toml = "report.path",
         .flag = "report",
         .variable = "GRACESHIM_REPORT_PATH",
         .argument = "PATH|fd:N",
         .default_text = "auto",
         .help = "Write a JSON report at the end; auto: for Kubernetes, of a life that failed",
         .words = kNameWords}),
    Key{.role = Role::kExplain,
        .group = kInstead,
        .flag = "explain",
        .argument = "text|json",
        .implied = "text",
        .help = "Show every setting with its origin, and the plan as a timeline",
        .words = kFormatWords},
    Key{.role = Role::kListPresets, .group = kInstead, .flag = "list-presets", .help = "Show all presets"},
    Key{.role = Role::kVersion, .group = kInstead, .flag = "version", .letter = 'V', .help = "Show the version"},
    Key{.role = Role::kHelp, .group = kInstead, .flag = "help", .letter = 'h', .help = "Show this text"},
};

// --- What only a personality sets. ---

constexpr std::array<std::string_view, 3> kPlaceWords{"own-group", "our-group", "own-session"};
constexpr std::array<std::string_view, 2> kSuccessWhenWords{"stopped", "always"};

// As exit.success, one code after the other.
Result<void> assign_further_code(Config& config, const Value& value, Origin origin) {
  const Result<CodeSet> codes = read_codes(value);
  if (!codes) return tl::unexpected(codes.error());
  if (config.exit_success.origin != origin) config.exit_success = {{}, origin, value.where};
  for (int code = 0; code <= 255; ++code) {
    if (codes->has(code)) config.exit_success.value.add(code);
  }
  return {};
}

constexpr int kLastStandardSignal = 31;

// A number as scanf(3) reads it: blanks before it, a sign, and what follows it is in `rest`. Nothing if there is none.
std::optional<long> scanned_number(const char* text, const char*& rest) {
  char* end = nullptr;
  const long number = std::strtol(text, &end, 10);
  if (end == text) return std::nullopt;
  rest = end;
  return number;
}

// Two numbers of signals as dumb-init reads them; anything else is left to read_signal() as it is.
void tidy_numbers(std::string& from, std::string& to) {
  const char* rest = nullptr;
  const std::optional<long> signal = scanned_number(from.c_str(), rest);
  if (!signal || *rest != '\0') return;
  const std::optional<long> image = scanned_number(to.c_str(), rest);
  if (!image) return;
  from = std::to_string(*signal);
  to = std::to_string(*image);
}

// As --map, in another spelling: 0 drops a signal, one that starts a stop is only passed on from now on, and a signal
// that never arrives may be named in vain. Of the real-time signals there is none.
Result<void> assign_rewrite(Config& config, const Value& value, Origin origin) {
  const std::size_t colon = value.text.find(':');
  if (colon == std::string::npos) return fail_at(value.where, "expected two signals as in 15:3");
  Value from{.text = value.text.substr(0, colon), .where = value.where};
  Value to{.text = value.text.substr(colon + 1), .where = value.where};
  tidy_numbers(from.text, to.text);
  const Result<int> signal = read_signal(from);
  if (!signal) return tl::unexpected(signal.error());
  if (to.text == "0") to.text = "ignore";
  if (!can_arrive(*signal)) from.text = "HUP";  // only to read the other one
  const Result<SignalMapping> mapping = read_mapping(from, to);
  if (!mapping) return tl::unexpected(mapping.error());
  if (*signal > kLastStandardSignal || mapping->image > kLastStandardSignal)
    return fail_at(value.where, "expected signals from 1 to 31");
  if (!can_arrive(*signal)) return {};
  config.stop_on.value.remove(*signal);
  return assign_mapping(config, Value{.kind = Kind::kPair, .items = {from, to}, .where = value.where}, origin);
}

template <auto kMember, auto kRead>
constexpr Key inner(std::string_view name) {
  Key row;
  row.toml = name;
  row.assign = assign<kMember, kRead>;
  return row;
}

constexpr Key inner(std::string_view name, decltype(Key::assign) assign_row) {
  Key row;
  row.toml = name;
  row.assign = assign_row;
  return row;
}

constexpr std::array kInnerKeys{
    inner<&Config::child_place, read_word<Place, kPlaceWords>>("child.place"),
    inner<&Config::suspend_on, read_signals>("signals.suspend_on"),
    inner<&Config::exit_success_when, read_word<SuccessWhen, kSuccessWhenWords>>("exit.success_when"),
    inner("exit.success+", assign_further_code),
    inner("signals.rewrite", assign_rewrite),
    inner<&Config::subreaper, read_boolean>("subreaper"),
    inner<&Config::parent_death_signal, read_signal>("parent_death_signal"),
    inner<&Config::shell_for_scripts, read_boolean>("shell_for_scripts"),
    inner<&Config::pause, read_boolean>("pause"),
    inner<&Config::warns_of_orphans, read_boolean>("log.warns_of_orphans"),
    inner<&Config::keeps_standard_fds, read_boolean>("standard_fds.keep"),
    inner<&Config::log_level, read_word<LogLevel, kEveryLevelWord>>("log.any_level"),
    inner<&Config::child_ready, read_word<Ready, kReadyWords>>("child.ready"),
    inner<&Config::stop_resume, read_word<Resume, kResumeWords>>("stop.resume"),
    inner<&Config::drop_ignored, read_signals_or_none>("signals.drop_ignored"),
};

}  // namespace

std::span<const Key> keys() noexcept {
  return kKeys;
}

const Key* find_key(std::string_view name) noexcept {
  for (const std::span<const Key> table : {std::span<const Key>(kKeys), std::span<const Key>(kInnerKeys)}) {
    for (const Key& key : table) {
      if (key.toml == name) return &key;
    }
  }
  return nullptr;
}

const Key& signals_key() noexcept {
  std::size_t i = 0;
  while (kKeys[i].assign != assign_mapping) ++i;
  return kKeys[i];
}

tl::unexpected<Error> fail_at(std::string_view where, std::string_view message) {
  std::string text(where);
  text.append(": ").append(message);
  return fail(std::move(text));
}

}  // namespace graceshim
