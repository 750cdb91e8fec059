// The options, the settings and the words of dumb-init.
#include <cstdlib>
#include <optional>

#include "drop_in.h"

namespace graceshim {

namespace {

using Does = DropInOption::Does;

constexpr int kLastStandardSignal = 31;

constexpr std::array kOfTheTerminal{sig::kTstp, sig::kTtin, sig::kTtou};

// The command of dumb-init starts with no signal ignored. Under nohup, a HUP that is passed on would end the command,
// as it does under the real dumb-init; so an ignored HUP is dropped here.
void set_base(Config& c, const Saying& say) {
  c.stop_stragglers = say(Stragglers::kDismiss);
  c.child_place = say(Place::kOwnSession);
  c.child_scope = say(Scope::kGroup);
  for (const int signal : kOfTheTerminal) set_mapping(c, say(SignalMapping{signal, sig::kStop}));
  c.suspend_on = say(SignalSet{sig::kTstp, sig::kTtin, sig::kTtou});
  c.child_ready = say(Ready::kForAll);
  c.drop_ignored = say(SignalSet{sig::kHup});
  c.log_level = say(LogLevel::kError);
}

bool signal_the_child_alone(Config& c, const Saying& say) {
  c.child_place = say(Place::kOurGroup);
  c.child_scope = say(Scope::kMain);
  c.stop_stragglers = say(Stragglers::kLeave);
  for (const int signal : kOfTheTerminal) set_mapping(c, say(SignalMapping{signal, signal}));
  return true;
}

// Reads a number as scanf(3) does, with blanks and a sign before it, and points `rest` behind it. Returns nullopt if
// there is no number.
std::optional<long> scanned_number(const char* text, const char*& rest) {
  char* end = nullptr;
  const long number = std::strtol(text, &end, 10);
  if (end == text) return std::nullopt;
  rest = end;
  return number;
}

// Rewrites two signal numbers in the form that parse_signal() takes, if dumb-init would read both as numbers. Names,
// which only graceshim accepts, stay as they are.
void tidy_numbers(std::string& from, std::string& to) {
  const char* rest = nullptr;
  const std::optional<long> signal = scanned_number(from.c_str(), rest);
  if (!signal || *rest != '\0') return;
  const std::optional<long> replacement = scanned_number(to.c_str(), rest);
  if (!replacement) return;
  from = std::to_string(*signal);
  to = std::to_string(*replacement);
}

// Does what --map does, with a few differences: 0 drops a signal; a trigger stops being one, and is only passed on; a
// signal that never arrives may be named, and has no effect; real-time signals are refused.
bool rewrite(Config& c, const Saying& say) {
  const std::size_t colon = say.argument.find(':');
  if (colon == std::string::npos) return false;
  std::string from = say.argument.substr(0, colon);
  std::string to = say.argument.substr(colon + 1);
  tidy_numbers(from, to);
  const Result<int> signal = parse_signal(from);
  const Result<int> replacement = to == "0" || to == "ignore" ? Result<int>(0) : parse_signal(to);
  if (!signal || !replacement || *signal > kLastStandardSignal || *replacement > kLastStandardSignal) return false;
  if (!can_arrive(*signal)) return true;
  c.stop_on.value.remove(*signal);
  set_mapping(c, say(SignalMapping{*signal, *replacement}));
  return true;
}

// clang-format off
constexpr auto kOptions = std::to_array<DropInOption>({
    {.letter = 'c', .name = "single-child", .variable = "DUMB_INIT_SETSID", .variable_value = "0", .set = signal_the_child_alone, .changes_base = true, .says = "Not running in setsid mode.", .help = "Signal the program alone, and start no session", .native = "`--scope main`, the default"},
    {.letter = 'r', .name = "rewrite", .argument = "s:r", .set = rewrite, .help = "Pass signal s on as r, or not at all if r is 0; repeatable", .native = "`--stop-signal QUIT` for `15:3`; `--map HUP:QUIT` for `1:3`, `--map HUP:ignore` for `1:0`"},
    {.letter = 'v', .name = "verbose", .variable = "DUMB_INIT_DEBUG", .variable_value = "1", .set = put<&Config::log_level, LogLevel::kDebug>, .says = "Running in debug mode.", .help = "Say on stderr what happens", .native = "`-v`"},
    {.does = Does::kHelp, .letter = 'h', .name = "help", .help = "Show this text", .native = "`-h`"},
    {.does = Does::kVersion, .letter = 'V', .name = "version", .help = "Show the version", .native = "`-V`"},
});
// clang-format on

constexpr Templates kLog{
    {Happening::kLeftTerminal,
     {LogLevel::kDebug, "Detached from controlling tty, ignoring the first SIGHUP and SIGCONT we receive."}},
    {Happening::kNotLeader, {LogLevel::kDebug, "Detached from controlling tty, but was not session leader."}},
    {Happening::kNoTerminal, {LogLevel::kDebug, "Unable to detach from controlling tty (errno=%n %r)."}},
    {Happening::kChildTerminal, {LogLevel::kDebug, "Unable to attach to controlling tty (errno=%n %r)."}},
    {Happening::kSessionMade, {LogLevel::kDebug, "setsid complete."}},
    {Happening::kStarted, {LogLevel::kDebug, "Child spawned with PID %p."}},
    {Happening::kReceivedChld, {LogLevel::kDebug, "Received signal %n."}},
    {Happening::kReceived, {LogLevel::kDebug, "Received signal %n."}},
    {Happening::kOfHandOver, {LogLevel::kDebug, "Ignoring tty hand-off signal %n."}},
    {Happening::kTranslated, {LogLevel::kDebug, "Translating signal %o to %n."}},
    {Happening::kForwarded, {LogLevel::kDebug, "Forwarded signal %n to children."}},
    {Happening::kDropped, {LogLevel::kDebug, "Not forwarding signal %n to children (ignored)."}},
    {Happening::kSuspended, {LogLevel::kDebug, "Suspending self due to TTY signal."}},
    {Happening::kReapedExited, {LogLevel::kDebug, "A child with PID %p exited with exit status %n."}},
    {Happening::kReapedDied, {LogLevel::kDebug, "A child with PID %p was terminated by signal %n."}},
    {Happening::kDismissal, {LogLevel::kDebug, "Forwarded signal %n to children."}},
    {Happening::kChildExited, {LogLevel::kDebug, "Child exited with status %s. Goodbye."}},
    {Happening::kChildDied, {LogLevel::kDebug, "Child exited with status %s. Goodbye."}},
};

}  // namespace

constinit const DropIn kDumbInit{
    .names = {"dumb-init"},
    .set_base = set_base,
    .options = kOptions,
    .conventions = {.prefixes = {"[dumb-init] ", "[dumb-init] ", "[dumb-init] ", "[dumb-init] ", "[dumb-init] "},
                    .names_whole_command = true,
                    .cannot_execute = "%c: %r",
                    .refused = 1,
                    .not_executable = 2,
                    .not_found = 2},
    .log = kLog,
    .long_options = true,
    .help_on_stderr = true,
    .version_on_stderr = true,
    .version = "dumb-init v1.2.5",
    .usage = "Usage: %a [option] command [[arg] ...]",
    .bad_argument =
        "Usage: -r option takes <signum>:<signum>, where <signum> is between 1 and 31.\n"
        "This option can be specified multiple times.\n"
        "Use --help for full usage.\n",
    .missing_command = "Usage: %a [option] program [args]\nTry %a --help for full usage.\n"};

}  // namespace graceshim
