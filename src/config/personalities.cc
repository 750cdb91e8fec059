#include "personalities.h"

#include <getopt.h>

#include <algorithm>
#include <optional>

#include "graceshim/text.h"
#include "layout.h"
#include "licence.h"

namespace graceshim {

namespace {

using Option = PersonalityOption;
using Does = Option::Does;
using Takes = Option::Takes;

// --- The table. ---

// What the three have in common: every signal is passed on, as often as it comes, and waited for as long as it takes.
// Nothing is recognised or translated unless somebody asks for it. And as they take their signals from a queue, where
// a blocked one waits even if it is ignored, an ignored one is passed on like any other: a command that inherits the
// ignoring, as nohup means it to, is none the worse for it. None of them lets go of its standard descriptors.
constexpr std::array kCommonBase{Put{"preset", "none"},           Put{"platform", "none"},
                                 Put{"stop.timeout", "infinity"}, Put{"stop.repeat", "forward"},
                                 Put{"stop.resume", "stopped"},   Put{"child.die_with_shim", "no"},
                                 Put{"shell_for_scripts", "yes"}, Put{"signals.drop_ignored", "none"},
                                 Put{"standard_fds.keep", "yes"}};

constexpr std::array kTiniBase{Put{"stop.stragglers", "leave"}, Put{"exit.success_when", "always"},
                               Put{"subreaper", "no"}, Put{"child.ready", "translation"}, Put{"log.level", "warn"}};

constexpr std::array kTiniOptions{
    Option{.does = Does::kVersion, .name = "version", .help = "Show the version", .native = "`--version`"},
    Option{.does = Does::kHelp, .letter = 'h', .help = "Show this text", .native = "`-h`"},
    Option{.letter = 's',
           .variable = "TINI_SUBREAPER",
           .puts = {Put{"subreaper", "yes"}},
           .help = "Adopt and reap orphans also when not PID 1",
           .native = "always so"},
    Option{.letter = 'p',
           .argument = "SIGNAL",
           .puts = {Put{"parent_death_signal", ""}},
           .help = "Get SIGNAL when the parent ends, as SIGTERM",
           .native = "`--die-with-parent`, which stops by the plan"},
    Option{.letter = 'v',
           .puts = {Put{"log.level", "info"}, Put{"log.level", "debug"}, Put{"log.any_level", "trace"}},
           .takes = Takes::kByTimes,
           .help = "Be more verbose; up to three times",
           .native = "info is the default; `-v`"},
    Option{.letter = 'w',
           .puts = {Put{"log.warns_of_orphans", "yes"}},
           .help = "Warn of each orphan that is reaped",
           .native = "`-v`; `reaped` in the report counts them"},
    Option{.letter = 'g',
           .variable = "TINI_KILL_PROCESS_GROUP",
           .puts = {Put{"child.scope", "group"}},
           .help = "Signal the process group of PROGRAM",
           .native = "`--scope group`"},
    Option{.letter = 'e',
           .argument = "EXIT_CODE",
           .puts = {Put{"exit.success+", ""}},
           .help = "Exit 0 where it would be EXIT_CODE",
           .native = "`--success-exit-status CODE`, which counts after a stop only"},
    Option{.does = Does::kLicence, .letter = 'l', .help = "Show the licence", .native = "the file LICENSE"},
    Option{.variable = "TINI_VERBOSITY",
           .puts = {Put{"log.level", "error"}, Put{"log.level", "warn"}, Put{"log.level", "info"},
                    Put{"log.level", "debug"}, Put{"log.any_level", "trace"}},
           .takes = Takes::kByNumber,
           .help = "How much to say: 0 to 4; 1 is the default",
           .native = "`--log-level error`, `warn`, `info`, `debug`"},
};

// Its command inherits no ignoring: under nohup a HUP that is passed on, as the real one does, would end it.
constexpr std::array kDumbInitBase{Put{"stop.stragglers", "dismiss"},
                                   Put{"child.place", "own-session"},
                                   Put{"child.scope", "group"},
                                   Put{"signals", "TSTP:STOP,TTIN:STOP,TTOU:STOP"},
                                   Put{"signals.suspend_on", "TSTP,TTIN,TTOU"},
                                   Put{"child.ready", "all"},
                                   Put{"signals.drop_ignored", "HUP"},
                                   Put{"log.level", "error"}};

constexpr std::array kDumbInitOptions{
    Option{.letter = 'c',
           .name = "single-child",
           .variable = "DUMB_INIT_SETSID",
           .variable_value = "0",
           .puts = {Put{"child.place", "our-group"}, Put{"child.scope", "main"}, Put{"stop.stragglers", "leave"},
                    Put{"signals", "TSTP:TSTP,TTIN:TTIN,TTOU:TTOU"}},
           .changes_base = true,
           .says = "Not running in setsid mode.",
           .help = "Signal the program alone, and start no session",
           .native = "`--scope main`, the default"},
    Option{.letter = 'r',
           .name = "rewrite",
           .argument = "s:r",
           .puts = {Put{"signals.rewrite", ""}},
           .help = "Pass signal s on as r, or not at all if r is 0; repeatable",
           .native = "`--stop-signal QUIT` for `15:3`; `--map HUP:QUIT` for `1:3`, `--map HUP:ignore` for `1:0`"},
    Option{.letter = 'v',
           .name = "verbose",
           .variable = "DUMB_INIT_DEBUG",
           .variable_value = "1",
           .puts = {Put{"log.level", "debug"}},
           .says = "Running in debug mode.",
           .help = "Say on stderr what happens",
           .native = "`-v`"},
    Option{.does = Does::kHelp, .letter = 'h', .name = "help", .help = "Show this text", .native = "`-h`"},
    Option{.does = Does::kVersion, .letter = 'V', .name = "version", .help = "Show the version", .native = "`-V`"},
};

constexpr std::array kCatatonitBase{Put{"stop.stragglers", "leave"}, Put{"child.ready", "translation"},
                                    Put{"log.level", "error"}};

constexpr std::array kCatatonitOptions{
    Option{.letter = 'g',
           .puts = {Put{"child.scope", "group"}},
           .help = "Signal the process group of the program",
           .native = "`--scope group`"},
    Option{.does = Does::kHelp, .letter = 'h', .help = "Show this text", .native = "`-h`"},
    Option{.does = Does::kLicence, .letter = 'L', .help = "Show the licence", .native = "the file LICENSE"},
    Option{.letter = 'P',
           .puts = {Put{"pause", "yes"}},
           .help = "Pause: run no program, reap, end on INT or TERM",
           .native = "only as catatonit"},
    Option{.does = Does::kVersion, .letter = 'V', .name = "version", .help = "Show the version", .native = "`-V`"},
    Option{.variable = "CATATONIT_DEBUG", .puts = {Put{"log.level", "debug"}}, .native = "`-v`"},
};

constexpr std::string_view kTiniUsage = "Usage: %n [OPTIONS] PROGRAM -- [ARGS] | --version";
constexpr std::string_view kCatatonitUsage = "usage: catatonit [-ghLPV] [--] <progname> [<arguments>...]";

// What they say is read by people and by scripts, and so is said in their words.
constexpr Remarks kTiniRemarks{
    {Remark::kSubreaper, {LogLevel::kTrace, "Registered as child subreaper"}},
    {Remark::kStarted, {LogLevel::kInfo, "Spawned child process '%c' with pid '%p'"}},
    {Remark::kReceivedChld, {LogLevel::kDebug, "Received SIGCHLD"}},
    {Remark::kForwarded, {LogLevel::kDebug, "Passing signal: '%d'"}},
    {Remark::kReapedExited, {LogLevel::kDebug, "Reaped child with pid: '%p'"}},
    {Remark::kReapedDied, {LogLevel::kDebug, "Reaped child with pid: '%p'"}},
    {Remark::kWarnOfOrphan, {LogLevel::kWarn, "Reaped zombie process with pid=%p"}},
    {Remark::kChildExited, {LogLevel::kInfo, "Main child exited normally (with status '%n')"}},
    {Remark::kChildDied, {LogLevel::kInfo, "Main child exited with signal (with signal '%d')"}},
    {Remark::kNoneToReap, {LogLevel::kTrace, "No child to reap"}},
    {Remark::kNoneLeft, {LogLevel::kTrace, "No child to wait"}},
    {Remark::kLeaving, {LogLevel::kTrace, "Exiting: child has exited"}},
};

constexpr Remarks kDumbInitRemarks{
    {Remark::kLeftTerminal,
     {LogLevel::kDebug, "Detached from controlling tty, ignoring the first SIGHUP and SIGCONT we receive."}},
    {Remark::kNotLeader, {LogLevel::kDebug, "Detached from controlling tty, but was not session leader."}},
    {Remark::kNoTerminal, {LogLevel::kDebug, "Unable to detach from controlling tty (errno=%n %r)."}},
    {Remark::kChildTerminal, {LogLevel::kDebug, "Unable to attach to controlling tty (errno=%n %r)."}},
    {Remark::kSessionMade, {LogLevel::kDebug, "setsid complete."}},
    {Remark::kStarted, {LogLevel::kDebug, "Child spawned with PID %p."}},
    {Remark::kReceivedChld, {LogLevel::kDebug, "Received signal %n."}},
    {Remark::kReceived, {LogLevel::kDebug, "Received signal %n."}},
    {Remark::kOfHandOver, {LogLevel::kDebug, "Ignoring tty hand-off signal %n."}},
    {Remark::kTranslated, {LogLevel::kDebug, "Translating signal %o to %n."}},
    {Remark::kForwarded, {LogLevel::kDebug, "Forwarded signal %n to children."}},
    {Remark::kDropped, {LogLevel::kDebug, "Not forwarding signal %n to children (ignored)."}},
    {Remark::kSuspended, {LogLevel::kDebug, "Suspending self due to TTY signal."}},
    {Remark::kReapedExited, {LogLevel::kDebug, "A child with PID %p exited with exit status %n."}},
    {Remark::kReapedDied, {LogLevel::kDebug, "A child with PID %p was terminated by signal %n."}},
    {Remark::kDismissal, {LogLevel::kDebug, "Forwarded signal %n to children."}},
    {Remark::kChildExited, {LogLevel::kDebug, "Child exited with status %s. Goodbye."}},
    {Remark::kChildDied, {LogLevel::kDebug, "Child exited with status %s. Goodbye."}},
};

constexpr Remarks kCatatonitRemarks{
    {Remark::kStarted, {LogLevel::kDebug, "pid1 (%p) spawned: %c"}},
    {Remark::kOrphanExited, {LogLevel::kDebug, "child process %p exited with code %n"}},
    {Remark::kOrphanDied, {LogLevel::kDebug, "child process %p exited due to signal %n"}},
    {Remark::kNoneLeft, {LogLevel::kDebug, "got ECHILD: no children left to monitor"}},
};

constexpr std::array kPersonalities{
    // docker info reads the version behind "tini version ", whatever its init is.
    Personality{.names = "tini tini-static docker-init",
                .base = kTiniBase,
                .options = kTiniOptions,
                .manners = {.prefixes = {"[FATAL tini (%p)] ", "[WARN  tini (%p)] ", "[INFO  tini (%p)] ",
                                         "[DEBUG tini (%p)] ", "[TRACE tini (%p)] "},
                            .remarks = kTiniRemarks,
                            .names_whole_command = true,
                            .tells_of_stops = false,
                            .no_subreaper = "Tini is not running as PID 1 and isn't registered as a child subreaper.\n"
                                            "Zombie processes will not be re-parented to Tini, so zombie reaping won't "
                                            "work.\n"
                                            "To fix the problem, use the -s option or set the environment variable "
                                            "TINI_SUBREAPER to register Tini as a child subreaper, or run Tini as PID "
                                            "1.",
                            .cannot_execute = "exec %c failed: %r",
                            .refused = 1,
                            .tells_two_errors = true},
                .drops_dashes = true,
                .version = "tini version 0.19.0",
                .usage = kTiniUsage,
                .after_mistake = "%h",
                .bad_argument = "[FATAL tini (%p)] Not a valid option for %o: %v\n",
                .missing_command = "%h"},
    Personality{
        .names = "dumb-init",
        .base = kDumbInitBase,
        .options = kDumbInitOptions,
        .manners = {.prefixes = {"[dumb-init] ", "[dumb-init] ", "[dumb-init] ", "[dumb-init] ", "[dumb-init] "},
                    .remarks = kDumbInitRemarks,
                    .names_whole_command = true,
                    .tells_of_stops = false,
                    .cannot_execute = "%c: %r",
                    .refused = 1,
                    .not_executable = 2,
                    .not_found = 2},
        .long_options = true,
        .help_on_stderr = true,
        .version_on_stderr = true,
        .version = "dumb-init v1.2.5",
        .usage = "Usage: %a [option] command [[arg] ...]",
        .bad_argument = "Usage: -r option takes <signum>:<signum>, where <signum> is between 1 and 31.\n"
                        "This option can be specified multiple times.\n"
                        "Use --help for full usage.\n",
        .missing_command = "Usage: %a [option] program [args]\nTry %a --help for full usage.\n"},
    Personality{.names = "catatonit",
                .base = kCatatonitBase,
                .options = kCatatonitOptions,
                .manners = {.prefixes = {"ERROR (catatonit:%p): ", "WARN (catatonit:%p): ", "INFO (catatonit:%p): ",
                                         "DEBUG (catatonit:%p): ", "DEBUG (catatonit:%p): "},
                            .remarks = kCatatonitRemarks,
                            .names_whole_command = true,
                            .tells_of_stops = false,
                            .cannot_execute = "failed to exec pid1: %c: %r",
                            .refused = 1,
                            .not_executable = 1,
                            .not_found = 1},
                .long_options = true,
                .drops_dashes = true,
                .help_on_stderr = true,
                .version = "tini version 0.1.7_catatonit",
                .usage = kCatatonitUsage,
                .after_mistake = "%u\n",
                .missing_command = "ERROR (catatonit:%p): missing program name\n%u\n"},
};

// --- Reading. ---

constexpr int kFirstLong = 256;  // above every letter
constexpr std::size_t kOptionColumn = 28;

std::string option_name(const Option& option) {
  return option.letter != 0 ? std::string("-") + option.letter : "--" + std::string(option.name);
}

std::string help_line(const std::string& head, std::string_view help) {
  std::string lines = wrap(help, kOptionColumn);
  lines.replace(0, head.size(), head);
  return lines;
}

// What there is to say about one start, with the names that the texts leave open.
class Speaker {
 public:
  Speaker(const Personality& who, std::string_view program, int pid)
      : who_(who), program_(escaped(program)), pid_(std::to_string(pid)) {}

  [[nodiscard]] std::string text(std::string_view pattern, std::string_view option = {},
                                 std::string_view any_argument = {}) const {
    const std::string argument = escaped(any_argument);
    const std::string usage = expand(who_.usage, {{'a', program_}, {'n', base_name()}});
    const std::string help = pattern.find("%h") == std::string_view::npos ? std::string() : this->help();
    return expand(
        pattern,
        {{'a', program_}, {'n', base_name()}, {'p', pid_}, {'u', usage}, {'h', help}, {'o', option}, {'v', argument}});
  }

  [[nodiscard]] Said mistake(std::string text) const { return {std::move(text), true, who_.manners.refused}; }

  // The words of getopt(3) for a mistake that it has found in `word`.
  [[nodiscard]] Said refusal(int found, std::string_view word) const {
    std::string line(program_);
    const bool is_long = who_.long_options && word.starts_with("--");
    if (!is_long) {
      line.append(found == ':' ? ": option requires an argument -- '" : ": invalid option -- '");
      line.append(escaped(std::string(1, static_cast<char>(optopt)))).append("'");
    } else {
      const std::string_view name = word.substr(2, word.find('=') - 2);
      std::string possible;
      std::string_view only;
      int count = 0;
      for (const Option& option : who_.options) {
        if (option.name.empty() || !option.name.starts_with(name)) continue;
        possible.append(" '--").append(option.name).append("'");
        only = option.name;
        ++count;
      }
      line.append(count == 0 ? ": unrecognized option '" : ": option '");
      line.append(count == 1 ? "--" + std::string(only) : escaped(word)).append("'");
      if (count > 1) line.append(" is ambiguous; possibilities:").append(possible);
      if (count == 1) line.append(found == ':' ? " requires an argument" : " doesn't allow an argument");
    }
    return mistake(line + "\n" + text(who_.after_mistake));
  }

  [[nodiscard]] Said answer(Does what) const {
    switch (what) {
      case Does::kHelp:
        return {help(), who_.help_on_stderr, kExitSuccess};
      case Does::kVersion:
        return {std::string(who_.version) + "\n", who_.version_on_stderr, kExitSuccess};
      case Does::kLicence:
      case Does::kSet:
        break;
    }
    return {std::string(kLicence), false, kExitSuccess};
  }

 private:
  [[nodiscard]] std::string_view base_name() const {
    return std::string_view(program_).substr(program_.rfind('/') + 1);  // npos + 1 is 0
  }

  [[nodiscard]] std::string help() const {
    std::string text(who_.version);
    text.append(" - graceshim ").append(GRACESHIM_VERSION).append("\n").append(this->text("%u\n\n"));
    std::string variables;
    for (const Option& option : who_.options) {
      if (option.help.empty()) continue;
      std::string head = "  ";
      if (option.letter != 0) head.append("-").append(1, option.letter).append(option.name.empty() ? "" : ", ");
      if (!option.name.empty()) head.append("--").append(option.name);
      if (!option.argument.empty()) head.append(" ").append(option.argument);
      if (head.size() > 2) text.append(help_line(head, option.help));
      if (option.variable.empty()) continue;
      head = "  " + std::string(option.variable);
      if (!option.variable_value.empty()) head.append("=").append(option.variable_value);
      variables.append(help_line(head, option.help));
    }
    if (!variables.empty()) text.append("\nVariables:\n").append(variables);
    return text.append("\nThe variables of graceshim work here, too.\n");
  }

  const Personality& who_;
  std::string program_;
  std::string pid_;
};

struct OptionTables {
  std::string letters = "+:";  // stop at the program's name; tell a missing argument from an unknown option
  std::vector<option> longs;
};

OptionTables option_tables(const Personality& who) {
  OptionTables tables;
  for (std::size_t i = 0; i < who.options.size(); ++i) {
    const Option& row = who.options[i];
    const int needs = row.argument.empty() ? no_argument : required_argument;
    if (row.letter != 0) tables.letters.append(1, row.letter).append(row.argument.empty() ? "" : ":");
    if (who.long_options && !row.name.empty())
      tables.longs.push_back({row.name.data(), needs, nullptr, kFirstLong + static_cast<int>(i)});
  }
  tables.longs.push_back({nullptr, 0, nullptr, 0});
  return tables;
}

const Option* option_of(const Personality& who, int found) {
  if (found >= kFirstLong) return &who.options[static_cast<std::size_t>(found - kFirstLong)];
  const auto row =
      std::ranges::find_if(who.options, [found](const Option& o) { return o.letter != 0 && o.letter == found; });
  return row == who.options.end() ? nullptr : &*row;
}

// The value of a variable, as getenv(3) would find it.
std::optional<std::string_view> value_of(std::span<char* const> environment, std::string_view name) {
  for (const char* const entry : environment) {
    const std::string_view text = entry;
    if (text.starts_with(name) && text.substr(name.size()).starts_with('=')) return text.substr(name.size() + 1);
  }
  return std::nullopt;
}

// As atoi(3), of which nothing but 0, 1, 2 and more matters.
std::size_t number_in(std::string_view text) {
  std::size_t number = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') break;
    number = std::min<std::size_t>(number * 10 + static_cast<std::size_t>(c - '0'), 1000);
  }
  return number;
}

std::size_t put_count(const Option& option) {
  return static_cast<std::size_t>(std::ranges::count_if(option.puts, [](const Put& put) { return !put.key.empty(); }));
}

// Collects what the options say, layer by layer.
class Collector {
 public:
  explicit Collector(CommandLine& line) : line_(line) {}

  // False if the argument means nothing.
  bool take(const Option& option, std::string_view argument, std::size_t index, std::string_view where) {
    const std::size_t count = put_count(option);
    for (std::size_t i = 0; i < count; ++i) {
      if (option.takes != Takes::kAll && i != std::min(index, count - 1)) continue;
      const Put& put = option.puts[i];
      const Assignment assignment{
          find_key(put.key),
          Value{.text = std::string(put.value.empty() ? argument : put.value), .where = std::string(where)}};
      if (!assignment.key->assign(tried_, assignment.value, Origin::kCommandLine)) return false;
      (option.changes_base ? line_.base : line_.layer).push_back(assignment);
    }
    return true;
  }
  [[nodiscard]] bool runs_nothing() const { return tried_.pause.value; }

 private:
  CommandLine& line_;
  Config tried_;
};

}  // namespace

std::span<const Personality> personalities() noexcept {
  return kPersonalities;
}

const Personality* find_personality(std::string_view program) noexcept {
  const std::string_view name = program.substr(program.rfind('/') + 1);
  for (const Personality& row : kPersonalities) {
    std::string_view names = row.names;
    while (!names.empty()) {
      const std::string_view known = names.substr(0, names.find(' '));
      if (known == name) return &row;
      names.remove_prefix(std::min(known.size() + 1, names.size()));
    }
  }
  return nullptr;
}

Result<CommandLine> read_command_line_as(const Personality& who, std::span<char* const> arguments,
                                         std::span<char* const> environment, int pid) {
  const Speaker speaker(who, arguments[0], pid);
  CommandLine line;
  Collector collector(line);
  for (const std::span<const Put> puts : {std::span<const Put>(kCommonBase), who.base}) {
    for (const Put& put : puts)
      line.base.push_back({find_key(put.key), Value{.text = std::string(put.value), .where = std::string(who.names)}});
  }

  const int count = static_cast<int>(arguments.size());
  if (!who.long_options && count == 2 && arguments[1] == std::string_view("--version")) {
    line.said = speaker.answer(Does::kVersion);
    return line;
  }
  const OptionTables tables = option_tables(who);
  std::vector<std::size_t> times(who.options.size(), 0);
  optind = 0;  // glibc: forget the scan before this one
  opterr = 0;
  int next_word = 1;
  while (count > 1) {
    const int current = next_word;
    const int found = who.long_options
                          ? getopt_long(count, arguments.data(), tables.letters.c_str(), tables.longs.data(), nullptr)
                          : getopt(count, arguments.data(), tables.letters.c_str());
    next_word = optind;
    if (found == -1) break;
    const Option* const row = found == '?' || found == ':' ? nullptr : option_of(who, found);
    if (row == nullptr) {
      line.said = speaker.refusal(found, arguments[static_cast<std::size_t>(current)]);
      return line;
    }
    if (row->does != Does::kSet) {
      line.said = speaker.answer(row->does);
      return line;
    }
    const std::string_view argument = row->argument.empty() ? std::string_view() : optarg;
    const std::string name = option_name(*row);
    std::size_t& time = times[static_cast<std::size_t>(row - who.options.data())];
    if (!collector.take(*row, argument, time++, name)) {
      line.said = speaker.mistake(speaker.text(who.bad_argument, name, argument));
      return line;
    }
  }
  for (int i = next_word; i < count; ++i) {
    const std::string_view word = arguments[static_cast<std::size_t>(i)];
    const bool dashes_before =
        next_word > 1 && arguments[static_cast<std::size_t>(next_word - 1)] == std::string_view("--");
    if (who.drops_dashes && !dashes_before && i == next_word + 1 && word == "--") continue;
    line.command.emplace_back(word);
  }
  for (const Option& row : who.options) {
    if (row.variable.empty()) continue;
    const std::optional<std::string_view> value = value_of(environment, row.variable);
    if (!value || (!row.variable_value.empty() && row.variable_value != *value)) continue;
    collector.take(row, *value, number_in(*value), row.variable);
    if (!row.says.empty()) line.notes.emplace(line.notes.begin(), row.says);  // dumb-init asks for them in this order
  }
  if (collector.runs_nothing()) {
    line.command.clear();
  } else if (line.command.empty()) {
    line.said = speaker.mistake(speaker.text(who.missing_command));
  }
  return line;
}

}  // namespace graceshim
