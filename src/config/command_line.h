// The words that graceshim was started with.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "configure.h"
#include "keys.h"

namespace graceshim {

struct CommandLine {
  Mode mode = Mode::kRun;
  Layer layer{};
  std::string config_path{};  // of --config; empty: not given
  std::vector<std::string> command{};
  // Where graceshim stands in another program's place: what that one begins with, beneath file and environment, and
  // what its options say, over everything.
  std::vector<std::function<void(Config&)>> base{};
  std::vector<std::function<void(Config&)>> overrides{};
  std::optional<Said> said{};        // what it says in place of running COMMAND
  std::vector<std::string> notes{};  // what it says beside that
};

// Reads options up to the first word that is not one; what follows is COMMAND, whatever it looks like. Long options are
// not abbreviated: a name that is clear today need not be so in the next version. --help, --version and --list-presets
// end the reading, so that they work beside any mistake. Errors: an unknown option, a missing or needless argument, no
// COMMAND where one is needed.
//
// Behind the last of `arguments` stands a null pointer, as with those of main(): musl's getopt_long(3) looks for it.
Result<CommandLine> read_command_line(std::span<char* const> arguments);

}  // namespace graceshim
