// Finds the program that a command without wrappers runs, and the row of the presets that fits it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "options.h"
#include "presets.h"

namespace graceshim {

// Returns the value of a variable in the command's environment; nullopt if it is not set.
using VariableLookup = std::function<std::optional<std::string>(std::string_view name)>;

// A program in the sense of the table of presets: a module, a script, or the program itself.
struct Program {
  std::string path;  // as it was given
  std::string name;  // its base name
  Words arguments{};
  Runtime runtime = Runtime::kNone;  // the interpreter that runs the program
  bool jvm = false;                  // the interpreter runs in a JVM, which answers QUIT with a thread dump
};

// Returns the script or module that an interpreter runs, or the program itself if it is no interpreter.
Program through_interpreter(Words words);

struct Match {
  const Preset* preset = nullptr;
  std::string words;  // those by which the program was recognised
};

// Finds the row of this program. A row that names a subcommand is preferred to one that names the program alone.
Match match_program(const Program& program);

// Returns the row that replaces `preset` in the environment of `lookup`, or `preset` itself.
const Preset* in_environment(const Preset* preset, const VariableLookup& lookup);

}  // namespace graceshim
