// The options, the settings and the words of catatonit.
#include "drop_in.h"

namespace graceshim {

namespace {

using Does = DropInOption::Does;

void set_base(Config& c, const Saying& say) {
  c.stop_stragglers = say(Stragglers::kLeave);
  c.child_ready = say(Ready::kForTranslation);
  c.log_level = say(LogLevel::kError);
}

// clang-format off
constexpr auto kOptions = std::to_array<DropInOption>({
    {.letter = 'g', .set = put<&Config::child_scope, Scope::kGroup>, .help = "Signal the process group of the program", .native = "`--scope group`"},
    {.does = Does::kHelp, .letter = 'h', .help = "Show this text", .native = "`-h`"},
    {.does = Does::kLicence, .letter = 'L', .help = "Show the licence", .native = "the file LICENSE"},
    {.letter = 'P', .set = put<&Config::pause, true>, .help = "Pause: run no program, reap, end on INT or TERM", .native = "only as catatonit"},
    {.does = Does::kVersion, .letter = 'V', .name = "version", .help = "Show the version", .native = "`-V`"},
    {.variable = "CATATONIT_DEBUG", .set = put<&Config::log_level, LogLevel::kDebug>, .native = "`-v`"},
});
// clang-format on

constexpr Templates kLog{
    {Happening::kStarted, {LogLevel::kDebug, "pid1 (%p) spawned: %c"}},
    {Happening::kOrphanExited, {LogLevel::kDebug, "child process %p exited with code %n"}},
    {Happening::kOrphanDied, {LogLevel::kDebug, "child process %p exited due to signal %n"}},
    {Happening::kNoneLeft, {LogLevel::kDebug, "got ECHILD: no children left to monitor"}},
};

}  // namespace

constinit const DropIn kCatatonit{
    .names = {"catatonit"},
    .set_base = set_base,
    .options = kOptions,
    .conventions = {.prefixes = {"ERROR (catatonit:%p): ", "WARN (catatonit:%p): ", "INFO (catatonit:%p): ",
                                 "DEBUG (catatonit:%p): ", "DEBUG (catatonit:%p): "},
                    .names_whole_command = true,
                    .cannot_execute = "failed to exec pid1: %c: %r",
                    .refused = 1,
                    .not_executable = 1,
                    .not_found = 1},
    .log = kLog,
    .long_options = true,
    .drops_dashes = true,
    .help_on_stderr = true,
    .version = "tini version 0.1.7_catatonit",
    .usage = "usage: catatonit [-ghLPV] [--] <progname> [<arguments>...]",
    .after_mistake = "%u\n",
    .missing_command = "ERROR (catatonit:%p): missing program name\n%u\n"};

}  // namespace graceshim
