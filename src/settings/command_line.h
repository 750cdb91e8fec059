// What a command line says, and how graceshim reads its own.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "config.h"
#include "graceshim/result.h"
#include "keys.h"

namespace graceshim {

enum class Mode { kRun, kExplain, kExplainJson, kTrial, kTrialJson, kHelp, kHelpAll, kVersion, kListPresets };

constexpr bool is_trial(Mode mode) noexcept {
  return mode == Mode::kTrial || mode == Mode::kTrialJson;
}

// A text that is printed instead of running anything, and the exit status that follows.
struct Said {
  std::string text;
  bool to_stderr = false;
  int status = kExitSuccess;
};

struct CommandLine {
  Mode mode = Mode::kRun;
  Layer layer{};
  std::string config_path{};  // the argument of --config; empty: the option was not given
  std::vector<std::string> command{};
  // What a dialect other than our own sets: `base` is weaker than file and environment, `overrides` is stronger than
  // everything else.
  std::vector<std::function<void(Config&)>> base{};
  std::vector<std::function<void(Config&)>> overrides{};
  std::optional<Said> said{};        // the text that is printed instead of running COMMAND
  std::vector<std::string> notes{};  // lines for the log of a run
};

// Reads options up to the first word that is not an option; this word and all after it are COMMAND, whatever they look
// like. Long options cannot be abbreviated, because a short form that is clear today may be ambiguous in the next
// version. --help, --version and --list-presets end the reading, so that they work in spite of a mistake after them.
// Errors: an unknown option, a missing or needless argument, no COMMAND where one is needed.
//
// A null pointer must follow the last of `arguments`, as it does in main(): getopt_long(3) of musl looks for it.
Result<CommandLine> read_command_line(std::span<char* const> arguments);

}  // namespace graceshim
