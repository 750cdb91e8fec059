// A command without wrappers in front of it: which program it is, and which row of the presets fits.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "options.h"
#include "presets.h"

namespace graceshim {

// The value of a variable in the command's environment; nothing if it is not set.
using VariableLookup = std::function<std::optional<std::string>(std::string_view name)>;

// A program as the table of presets has it: a module, a script, or the program itself.
struct Program {
  std::string path;  // as it was given
  std::string name;  // its base name
  Words arguments{};
  Runtime runtime = Runtime::kNone;  // what runs it
  bool jvm = false;                  // QUIT is a thread dump to what runs it
};

// The script or module behind an interpreter, or the program itself.
Program through_interpreter(Words words);

struct Match {
  const Preset* preset = nullptr;
  std::string words;  // what gave it away
};

// The row of this program; a row that names a subcommand is surer than one that names the program alone.
Match match_program(const Program& program);

// The row that takes the place of this one in such an environment, or this one.
const Preset* in_environment(const Preset* preset, const VariableLookup& lookup);

}  // namespace graceshim
