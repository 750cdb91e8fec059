// catatonit.
#include "drop_in.h"

namespace graceshim {

namespace {

using Row = DropInOption;
using Does = Row::Does;

bool base(Config& c, const Saying& say) {
  c.stop_stragglers = say(Stragglers::kLeave);
  c.child_ready = say(Ready::kForTranslation);
  c.log_level = say(LogLevel::kError);
  return true;
}

bool signal_the_group(Config& c, const Saying& say) {
  c.child_scope = say(Scope::kGroup);
  return true;
}

bool run_nothing(Config& c, const Saying& say) {
  c.pause = say(true);
  return true;
}

bool say_what_happens(Config& c, const Saying& say) {
  c.log_level = say(LogLevel::kDebug);
  return true;
}

constexpr std::array kOptions{
    Row{.letter = 'g',
        .set = signal_the_group,
        .help = "Signal the process group of the program",
        .native = "`--scope group`"},
    Row{.does = Does::kHelp, .letter = 'h', .help = "Show this text", .native = "`-h`"},
    Row{.does = Does::kLicence, .letter = 'L', .help = "Show the licence", .native = "the file LICENSE"},
    Row{.letter = 'P',
        .set = run_nothing,
        .help = "Pause: run no program, reap, end on INT or TERM",
        .native = "only as catatonit"},
    Row{.does = Does::kVersion, .letter = 'V', .name = "version", .help = "Show the version", .native = "`-V`"},
    Row{.variable = "CATATONIT_DEBUG", .set = say_what_happens, .native = "`-v`"},
};

constexpr Remarks kRemarks{
    {Remark::kStarted, {LogLevel::kDebug, "pid1 (%p) spawned: %c"}},
    {Remark::kOrphanExited, {LogLevel::kDebug, "child process %p exited with code %n"}},
    {Remark::kOrphanDied, {LogLevel::kDebug, "child process %p exited due to signal %n"}},
    {Remark::kNoneLeft, {LogLevel::kDebug, "got ECHILD: no children left to monitor"}},
};

}  // namespace

constinit const DropIn kCatatonit{
    .names = {"catatonit"},
    .base = base,
    .options = kOptions,
    .manners = {.prefixes = {"ERROR (catatonit:%p): ", "WARN (catatonit:%p): ", "INFO (catatonit:%p): ",
                             "DEBUG (catatonit:%p): ", "DEBUG (catatonit:%p): "},
                .remarks = kRemarks,
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
    .usage = "usage: catatonit [-ghLPV] [--] <progname> [<arguments>...]",
    .after_mistake = "%u\n",
    .missing_command = "ERROR (catatonit:%p): missing program name\n%u\n"};

}  // namespace graceshim
