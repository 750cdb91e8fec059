// From the words of COMMAND to the server that they start.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "presets.h"
#include "programs.h"

namespace graceshim {

struct Recognised {
  const Preset* preset = nullptr;        // null: none, or not for sure
  std::string words{};                   // what gave it away: "rake resque:work"
  std::string program{};                 // with a preset: the base name of the program behind all wrappers
  std::vector<std::string> arguments{};  // and its arguments
  std::string wrapper_warning{};         // what is wrong with what stands in front of it; says what to do. May be empty
  std::string
      preset_warning{};  // why the preset does not do all it could, or why there is none; says what to do. May be empty
};

// Looks through commands that become the one after them (env, nice, gosu, tini, bundle exec, sh -c 'exec ...', ...) and
// through interpreters to their script or module. Where the process that gets the signal is not for sure the server,
// there is no preset: the wrong signal is worse than the plain one. Pure: looks at nothing but the words and, by
// `lookup`, the variables that the command is given.
Recognised recognise(std::span<const std::string> command, const VariableLookup& lookup = {});

// Recognises a process that runs, by the words of its /proc/PID/cmdline: by the same rows, but nothing in front of a
// program is looked through, for it still is itself (a running `sh`, `npm` or `tini` is no server); and by the titles
// that servers give their main process. `lookup` reads its /proc/PID/environ.
Recognised recognise_running(std::span<const std::string> cmdline, const VariableLookup& lookup = {});

}  // namespace graceshim
