#include "keys.h"

namespace graceshim {

namespace {

using C = Config;
using T = TrialSettings;

template <auto kMember>
using ValueOf = decltype((C{}.*kMember).value);

template <auto kMember, class As>
Result<void> assign(Config& config, const Value& value, Origin origin) {
  auto parsed = As::read(value);
  if (!parsed) return tl::unexpected(parsed.error());
  (config.*kMember) = {std::move(*parsed), origin, value.where};
  return {};
}

template <auto kMember, class As>
Shown show(const Config& config) {
  const auto& setting = config.*kMember;
  return {As::write(setting.value), setting.origin, setting.where};
}

// Shows the plan. If none is set, the plan follows from the stop signal.
Shown show_plan(const Config& config) {
  const Setting<StepList>& plan = config.stop_plan;
  if (!plan.value.empty()) return {format_plan(plan.value), plan.origin, plan.where};
  const Setting<int>& signal = config.stop_signal;
  return {format_plan(steps_of_signal(signal.value, config.child_scope.value)), signal.origin, signal.where};
}

// Shows all mappings as one setting. Its origin is the strongest one of its entries.
Shown show_mappings(const Config& config) {
  Shown shown{.value = write_mappings(config)};
  for (const Setting<SignalMapping>& entry : config.signals) {
    if (entry.origin < shown.origin) continue;
    shown.origin = entry.origin;
    shown.where = entry.where;
  }
  return shown;
}

template <auto kMember, class As>
Result<void> assign_of_trial(Config& config, const Value& value, Origin origin) {
  auto parsed = As::read(value);
  if (!parsed) return tl::unexpected(parsed.error());
  (config.trial.*kMember) = {std::move(*parsed), origin, value.where};
  return {};
}

template <auto kMember, class As>
constexpr Access kOfTrial{.words = As::kWords, .assign = assign_of_trial<kMember, As>};
constexpr Access kWork{.assign = add_work};

template <auto kMember, class As = Codec<ValueOf<kMember>>>
constexpr Access kOf{.words = As::kWords, .assign = assign<kMember, As>, .show = show<kMember, As>};

constexpr Access kPlan{.assign = assign<&C::stop_plan, Codec<StepList>>, .show = show_plan};
constexpr Access kSignals{.words = kMappingWords, .assign = assign_mappings, .show = show_mappings};
constexpr Access kConfigFile{.role = Role::kConfigFile};
constexpr Access kExplain{.role = Role::kExplain, .words = kWordsOf<LogFormat>};
constexpr Access kTry{.role = Role::kTrial, .words = kWordsOf<LogFormat>};
constexpr Access kHelp{.role = Role::kHelp, .words = kHelpWords};

constexpr std::string_view kWhat = "What runs, and where";
constexpr std::string_view kStop = kStopHeading;
constexpr std::string_view kRestart = kRestartHeading;
constexpr std::string_view kNotify = "Readiness and watchdog";
constexpr std::string_view kRest = "Other settings";
constexpr std::string_view kInstead = "Instead of running";
constexpr std::string_view kTrial = kTrialHeading;

// A new setting needs a row here, a member of Config, and, if its type is new, a Codec in values.h.
//
// The variable of a row follows from its key, and so does the flag if its column is empty. An argument in brackets may
// be left out, which means the first of its words. "=word" is an option without an argument that sets this word.

// clang-format off
constexpr auto kRows = std::to_array<Key>({
    // setting                        heading   key                       flag        letter  argument       default           help
    {kOf<&C::preset, PresetName>,     kWhat,    "preset",                 "",         0,      "NAME",        "auto",           "Stop COMMAND as if it were this server; auto: recognise COMMAND"},
    {kOf<&C::platform, PlatformName>, kWhat,    "platform",               "",         0,      "NAME",        "auto",           "Assume this platform's grace period and signals; auto: recognise the platform"},
    {kConfigFile,                     kWhat,    "",                       "config",   'c',    "FILE",        "/etc/graceshim.toml, if it is there", "Read settings from this TOML file"},
    {kOf<&C::start_pre>,              kWhat,    "start.pre",              "pre-start", 0,     "COMMAND",     "",               "Run this by /bin/sh before each start of COMMAND, which is not started if this fails"},

    {kOf<&C::stop_signal, StopSignal>, kStop,    "stop.signal",            "",         's',    "SIGNAL",      "same",           "Send this signal to stop COMMAND; same: the signal that asked for the stop"},
    {kOf<&C::stop_timeout>,           kStop,    "stop.timeout",           "",         't',    "DURATION",    "auto",           "KILL what is left after this time; auto: just before the platform kills"},
    {kPlan,                           kStop,    "stop.plan",              "",         'p',    "PLAN",        "same/auto/KILL", "Send signals, with waits: QUIT/20s/TERM/5s/KILL; not with --stop-signal"},
    {kOf<&C::stop_on>,                kStop,    "stop.on",                "",         0,      "SIGNAL,...",  "TERM,INT",       "Stop when one of these signals arrives"},
    {kOf<&C::stop_delay>,             kStop,    "stop.delay",             "",         0,      "DURATION",    "0s",             "Wait before the first signal; connections drain in this time"},
    {kOf<&C::stop_pre_stop>,          kStop,    "stop.pre_stop",          "pre-stop", 0,      "COMMAND",     "",               "Run this by /bin/sh before the first signal"},
    {kOf<&C::stop_post>,              kStop,    "stop.post",              "post-stop", 0,     "COMMAND",     "",               "Run this by /bin/sh after COMMAND and its processes have ended, for at most 15s"},
    {kOf<&C::stop_repeat>,            kStop,    "stop.repeat",            "",         0,      "WORD",        "auto",           "Do this at a second stop signal: auto, ignore, escalate or forward"},
    {kOf<&C::stop_shield>,            kStop,    "stop.shield",            "",         0,      "SIGNAL,...",  "auto",           "Keep these signals from COMMAND even if the platform sends them to every process; auto: where COMMAND needs that; none: keep none"},
    {kOf<&C::stop_stragglers>,        kStop,    "stop.stragglers",        "",         0,      "WORD",        "stop",           "Handle processes that outlive COMMAND. stop: stop them; finish: let them finish until the timeout; wait: wait for them; leave: leave them; dismiss: send TERM once to COMMAND's process group"},
    {kOf<&C::stop_straggler_timeout>, kStop,    "stop.straggler_timeout", "",         0,      "DURATION",    "10s",            "KILL processes that outlive COMMAND this long after it has ended without a stop"},

    {kOf<&C::restart_policy>,         kRestart, "restart.policy",         "restart",  0,      "WORD|LIST",   "no",             "Start COMMAND again when it has ended by itself. no: never; on-failure: after every failure; always: after every end; a list: after these exit statuses and signals, such as 75,SEGV"},
    {kOf<&C::restart_prevent>,        kRestart, "restart.prevent",        "",         0,      "LIST",        "",               "Never start COMMAND again after these exit statuses and signals, such as 78"},
    {kOf<&C::restart_delay, RestartDelay>, kRestart, "restart.delay",     "",         0,      "DURATION",    "1s",             "Wait before the first restart; at least 100ms, up to a quarter longer at random"},
    {kOf<&C::restart_max_delay>,      kRestart, "restart.max_delay",      "",         0,      "DURATION",    "1m",             "Double the wait with each restart of a row, up to this"},
    {kOf<&C::restart_limit, RestartLimit>, kRestart, "restart.limit",     "",         0,      "NUMBER",      "5",              "Give up after so many restarts in a row; infinity: never"},
    {kOf<&C::restart_reset_after, RestartReset>, kRestart, "restart.reset_after", "",   0,      "DURATION",    "auto",           "Begin a new row after a life as long as this; auto: restart.max_delay"},

    {kOf<&C::notify_mode>,            kNotify,  "notify.mode",            "notify",   0,      "WORD",        "auto",           "Pass on what COMMAND says by sd_notify, and say when it stops. proxy: do so; off: leave NOTIFY_SOCKET to COMMAND; auto: proxy, where the variable is meant for graceshim"},
    {kOf<&C::notify_ready_from>,      kNotify,  "notify.ready_from",      "",         0,      "SOURCE",      "auto",           "Take COMMAND for ready. exec: once it has been started; socket: once it has said READY=1 by sd_notify; fd:N, env:NAME: once it has written a newline to descriptor N, or to the one whose number is in the variable NAME; auto: where one of the next two is set, socket if notify.mode is proxy, else exec"},
    {kOf<&C::notify_ready_file, ReadyFile>, kNotify, "notify.ready_file", "",    0,           "PATH",        "",               "Keep a file here while COMMAND is ready and no stop was asked for"},
    {kOf<&C::notify_ready_fd, ReadyDescriptor>, kNotify, "notify.ready_fd", "",      0,    "N",           "",               "Write a newline to this descriptor when COMMAND is ready"},
    {kOf<&C::notify_watchdog>,        kNotify,  "notify.watchdog",        "",         0,      "DURATION",    "0s",             "Once COMMAND is ready, send it ABRT, and stop it, when it has not said WATCHDOG=1 by sd_notify for so long; 0s: never"},
    {kOf<&C::notify_extend_max>,      kNotify,  "notify.extend_max",      "",         0,      "DURATION",    "0s",             "Let COMMAND have more time in a stop, by EXTEND_TIMEOUT_USEC of sd_notify, up to this long past the timeout; 0s: none"},

    {kSignals,                        kRest,    "signals",                "map",      'm',    "HUP:USR2",    "",               "Pass HUP on as USR2; HUP:ignore drops it; HUP:restart stops COMMAND and starts it again; repeatable"},
    {kOf<&C::exit_success>,           kRest,    "exit.success",           "success-exit-status", 0, "CODE,...", "",            "After a stop that needed no KILL, exit with 0 if COMMAND's status is one of these, such as 143"},
    {kOf<&C::child_scope>,            kRest,    "child.scope",            "",         0,      "WORD",        "main",           "Send signals to COMMAND (main) or to its process group (group); the steps of a plan name their own scope (QUIT@group)"},
    {kOf<&C::child_user, UserName>,   kRest,    "child.user",             "",         0,      "USER[:GROUP]", "",              "Run COMMAND as this user, by name or number"},
    {kOf<&C::child_directory, Directory>, kRest, "child.directory",       "chdir",    0,      "DIR",         "",               "Run COMMAND in this directory"},
    {kOf<&C::child_umask, Umask>,     kRest,    "child.umask",            "",         0,      "MASK",        "",               "Run COMMAND with this umask, in octal"},
    {kOf<&C::child_die_with_shim>,    kRest,    "child.die_with_shim",    "",         0,      "[yes|no]",    "yes",            "KILL COMMAND if graceshim itself is killed"},
    {kOf<&C::child_die_with_parent>,  kRest,    "child.die_with_parent",  "",         0,      "[yes|no]",    "no",             "Stop when the process that started graceshim ends"},
    {kOf<&C::log_level>,              kRest,    "log.level",              "",         0,      "LEVEL",       "info",           "Log this and worse: error, warn, info, debug"},
    {kOf<&C::log_level>,              kRest,    "",                       "",         'q',    "=error",      "",               "Same as --log-level error"},
    {kOf<&C::log_level>,              kRest,    "",                       "",         'v',    "=debug",      "",               "Same as --log-level debug"},
    {kOf<&C::log_format>,             kRest,    "log.format",             "",         0,      "WORD",        "text",           "Log lines as text or json"},
    {kOf<&C::report_path>,            kRest,    "report.path",            "report",   0,      "PATH|fd:N",   "auto",           "Write a JSON report to this place at the end; auto: in Kubernetes, to the pod's termination log, if not all went well"},

    {kExplain,                        kInstead, "",                       "explain",  0,      "[text|json]", "",               "Show every setting with its origin, and the plan; start nothing"},
    {kTry,                            kInstead, "",                       "trial",    0,      "[text|json]", "",               "Find out which signal lets COMMAND finish its work: start it again and again, each time with work in flight, and try one signal after the other"},
    {{Role::kCheckReady},             kInstead, "",                       "check-ready", 0,   "[PATH]",      "",               "Exit with 0 if the graceshim that keeps this file is there and its COMMAND is ready, with 1 if not; without PATH: GRACESHIM_NOTIFY_READY_FILE"},
    {{Role::kListPresets},            kInstead, "",                       "list-presets", 0,  "",            "",               "Show all presets"},
    {{Role::kVersion},                kInstead, "",                       "version",  'V',    "",            "",               "Show the version"},
    {kHelp,                           kInstead, "",                       "help",     'h',    "[all]",       "",               "Show the options that people use; all: show every option"},

    {kWork,                           kTrial,   "",                       "work",     0,      "COMMAND",     "",               "Run this by /bin/sh as work that is in flight when the signal comes, and is complete if it exits with 0; repeatable"},
    {kOfTrial<&T::candidates, Candidates>, kTrial, "",                    "trial-signals", 0, "SIGNAL,...",  "TERM,INT,QUIT,USR1,USR2,HUP,WINCH,TSTP/TERM", "Try these; TSTP/TERM: TERM once the work is done"},
    {kOfTrial<&T::after, Codec<Millis>>, kTrial, "",                      "trial-after", 0,   "DURATION",    "1s",             "Send the signal this long after the work was started"},
    {kOfTrial<&T::limit, TrialLimit>, kTrial,   "",                       "trial-limit", 0,   "DURATION",    "30s",            "Wait no longer for COMMAND to be ready, and no longer for its end after the signal"},
    {kOfTrial<&T::ready, Codec<Command>>, kTrial, "",                     "trial-ready", 0,   "COMMAND",     "",               "Take COMMAND for ready once this, run by /bin/sh again and again, exits with 0"},
    {kOfTrial<&T::times, TrialTimes>, kTrial,   "",                       "trial-times", 0,   "NUMBER",      "",               "Try every signal so often; without it: once, and three times what is recommended"},
});
// clang-format on

constexpr std::array kOldFlags{OldName{"shield", "stop.shield"}, OldName{"stragglers", "stop.stragglers"},
                               OldName{"straggler-timeout", "stop.straggler_timeout"}};
constexpr std::array kOldVariables{OldName{"GRACESHIM_MAP", "signals"}};

// --- What is derived from a row. ---

constexpr std::string_view kPrefix = "GRACESHIM_";
constexpr std::array<std::string_view, 2> kSectionsWithoutFlag{"child.", "notify."};

struct Names {
  std::array<char, 32> flag{};  // ends in a zero byte, as getopt_long(3) requires
  std::array<char, 48> variable{};
};

constexpr std::size_t kRowCount = kRows.size();

constexpr std::array<Names, kRowCount> kNames = [] {
  std::array<Names, kRowCount> all;
  for (std::size_t i = 0; i < kRowCount; ++i) {
    const Key& row = kRows[i];
    std::string_view flag = row.flag.empty() ? row.toml : row.flag;
    for (const std::string_view section : kSectionsWithoutFlag) {
      if (flag.starts_with(section)) flag.remove_prefix(section.size());
    }
    std::ranges::transform(flag, all[i].flag.begin(), [](char c) { return c == '.' || c == '_' ? '-' : c; });
    const std::string_view name = row.role == Role::kConfigFile ? row.flag : row.toml;
    if (name.empty()) continue;
    const auto out = std::ranges::copy(kPrefix, all[i].variable.begin()).out;
    std::ranges::transform(name, out,
                           [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : '_'; });
  }
  return all;
}();

constexpr std::array<Key, kRowCount> kKeys = [] {
  std::array<Key, kRowCount> all = kRows;
  for (std::size_t i = 0; i < kRowCount; ++i) {
    all[i].flag = kNames[i].flag.data();
    all[i].variable = kNames[i].variable.data();
    std::string_view& argument = all[i].argument;
    if (argument.starts_with('[')) {
      argument = argument.substr(1, argument.size() - 2);
      all[i].implied = argument.substr(0, argument.find('|'));
    } else if (argument.starts_with('=')) {
      all[i].implied = argument.substr(1);
      argument = {};
    }
  }
  return all;
}();

const Key* find(std::string_view Key::*name, std::string_view wanted) {
  const auto row = std::ranges::find(kKeys, wanted, name);
  return wanted.empty() || row == kKeys.end() ? nullptr : &*row;
}

const Key* find(std::string_view Key::*name, std::span<const OldName> old, std::string_view wanted) {
  const auto row = std::ranges::find(old, wanted, &OldName::name);
  return row == old.end() ? find(name, wanted) : find(&Key::toml, row->toml);
}

}  // namespace

std::span<const Key> keys() noexcept {
  return kKeys;
}

const Key& signals_key() noexcept {
  return *find(&Key::toml, "signals");
}

std::span<const OldName> old_flags() noexcept {
  return kOldFlags;
}

std::span<const OldName> old_variables() noexcept {
  return kOldVariables;
}

const Key* key_of_flag(std::string_view flag) noexcept {
  return find(&Key::flag, kOldFlags, flag);
}

const Key* key_of_variable(std::string_view variable) noexcept {
  return find(&Key::variable, kOldVariables, variable);
}

const Key* key_of_letter(char letter) noexcept {
  const auto row = std::ranges::find(kKeys, letter, &Key::letter);
  return letter == 0 || row == kKeys.end() ? nullptr : &*row;
}

}  // namespace graceshim
