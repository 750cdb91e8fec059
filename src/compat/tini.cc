// The options, the settings and the words of tini, which is called docker-init in Docker.
#include <algorithm>
#include <cstdlib>

#include "drop_in.h"

namespace graceshim {

namespace {

using Does = DropInOption::Does;

void set_base(Config& c, const Saying& say) {
  c.stop_stragglers = say(Stragglers::kLeave);
  c.exit_success_when = say(SuccessWhen::kAlways);
  c.subreaper = say(false);
  c.child_ready = say(Ready::kForTranslation);
  c.log_level = say(LogLevel::kWarn);
}

bool set_parent_death_signal(Config& c, const Saying& say) {
  const Result<int> signal = parse_signal(say.argument);
  if (signal) c.parent_death_signal = say(*signal);
  return signal.has_value();
}

LogLevel level(std::size_t number) {
  return static_cast<LogLevel>(std::min(number, static_cast<std::size_t>(LogLevel::kTrace)));
}

bool say_more(Config& c, const Saying& say) {
  c.log_level = say(level(say.number + static_cast<std::size_t>(LogLevel::kInfo)));
  return true;
}

bool say_so_much(Config& c, const Saying& say) {
  c.log_level = say(level(say.number));
  return true;
}

// Adds the code of this option to the codes of the options before it.
bool add_success(Config& c, const Saying& say) {
  // As tini does, which takes an empty word for 0.
  const std::string text(say.argument);
  char* end = nullptr;
  const long code = std::strtol(text.c_str(), &end, 10);
  if (*end != '\0' || code < 0 || code > 255) return false;
  if (c.exit_success.origin != say.origin) c.exit_success = say(CodeSet{});
  c.exit_success.value.add(static_cast<int>(code));
  return true;
}

// clang-format off
constexpr auto kOptions = std::to_array<DropInOption>({
    {.does = Does::kVersion, .name = "version", .help = "Show the version", .native = "`--version`"},
    {.does = Does::kHelp, .letter = 'h', .help = "Show this text", .native = "`-h`"},
    {.letter = 's', .variable = "TINI_SUBREAPER", .set = put<&Config::subreaper, true>, .help = "Adopt and reap orphans also when not PID 1", .native = "always so"},
    {.letter = 'p', .argument = "SIGNAL", .set = set_parent_death_signal, .help = "Get SIGNAL, for example SIGTERM, when the parent ends", .native = "`--die-with-parent`, which stops by the plan"},
    {.letter = 'v', .set = say_more, .help = "Be more verbose; up to three times", .native = "info is the default; `-v`"},
    {.letter = 'w', .set = put<&Config::warns_of_orphans, true>, .help = "Warn of each orphan that is reaped", .native = "`-v`; `reaped` in the report counts them"},
    {.letter = 'g', .variable = "TINI_KILL_PROCESS_GROUP", .set = put<&Config::child_scope, Scope::kGroup>, .help = "Signal the process group of PROGRAM", .native = "`--scope group`"},
    {.letter = 'e', .argument = "EXIT_CODE", .set = add_success, .help = "Exit with 0 if PROGRAM's exit status is EXIT_CODE", .native = "`--success-exit-status CODE`, which counts after a stop only"},
    {.does = Does::kLicence, .letter = 'l', .help = "Show the licence", .native = "the file LICENSE"},
    {.variable = "TINI_VERBOSITY", .set = say_so_much, .help = "How much to say: 0 to 4; 1 is the default", .native = "`--log-level error`, `warn`, `info`, `debug`"},
});
// clang-format on

// People and scripts read the log lines of tini, so the drop-in logs the same words.
constexpr Templates kLog{
    {Happening::kSubreaper, {LogLevel::kTrace, "Registered as child subreaper"}},
    {Happening::kStarted, {LogLevel::kInfo, "Spawned child process '%c' with pid '%p'"}},
    {Happening::kReceivedChld, {LogLevel::kDebug, "Received SIGCHLD"}},
    {Happening::kForwarded, {LogLevel::kDebug, "Passing signal: '%d'"}},
    {Happening::kReapedExited, {LogLevel::kDebug, "Reaped child with pid: '%p'"}},
    {Happening::kReapedDied, {LogLevel::kDebug, "Reaped child with pid: '%p'"}},
    {Happening::kWarnOfOrphan, {LogLevel::kWarn, "Reaped zombie process with pid=%p"}},
    {Happening::kChildExited, {LogLevel::kInfo, "Main child exited normally (with status '%n')"}},
    {Happening::kChildDied, {LogLevel::kInfo, "Main child exited with signal (with signal '%d')"}},
    {Happening::kNoneToReap, {LogLevel::kTrace, "No child to reap"}},
    {Happening::kNoneLeft, {LogLevel::kTrace, "No child to wait"}},
    {Happening::kLeaving, {LogLevel::kTrace, "Exiting: child has exited"}},
};

constexpr std::string_view kNoSubreaper =
    "Tini is not running as PID 1 and isn't registered as a child subreaper.\n"
    "Zombie processes will not be re-parented to Tini, so zombie reaping won't work.\n"
    "To fix the problem, use the -s option or set the environment variable TINI_SUBREAPER to register Tini as a child "
    "subreaper, or run Tini as PID 1.";

}  // namespace

// docker info reads the version that follows "tini version ", whatever program is its init.
constinit const DropIn kTini{
    .names = {"tini", "tini-static", "docker-init"},
    .set_base = set_base,
    .options = kOptions,
    .conventions = {.prefixes = {"[FATAL tini (%p)] ", "[WARN  tini (%p)] ", "[INFO  tini (%p)] ", "[DEBUG tini (%p)] ",
                                 "[TRACE tini (%p)] "},
                    .names_whole_command = true,
                    .cannot_execute = "exec %c failed: %r",
                    .refused = 1,
                    .tells_two_errors = true},
    .log = kLog,
    .no_subreaper = kNoSubreaper,
    .drops_dashes = true,
    .version = "tini version 0.19.0",
    .usage = "Usage: %n [OPTIONS] PROGRAM -- [ARGS] | --version",
    .after_mistake = "%h",
    .bad_argument = "[FATAL tini (%p)] Not a valid option for %o: %v\n",
    .missing_command = "%h"};

}  // namespace graceshim
