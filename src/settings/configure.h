// Turns argv, environ and the file into the settings of this run. The door of this folder.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "command_line.h"
#include "config.h"
#include "files.h"
#include "platforms.h"
#include "presets.h"
#include "users.h"

namespace graceshim {

// Everything that the configuration is read from. Tests replace all of it.
struct Surroundings {
  std::span<char* const> arguments;    // argv; [0] is the program's name
  std::span<char* const> environment;  // "KEY=value", without the final null pointer
  int pid = 0;                         // that of graceshim itself
  bool pid1 = false;
  bool privileged = false;  // has more rights than its caller, as of a setuid file
  FileAccess files;
};

// A way to write the command line: our own, or that of an init which graceshim replaces.
struct Dialect {
  // Errors: as read_command_line().
  std::function<Result<CommandLine>(const Surroundings& surroundings)> read;
  // Whether the user has called graceshim by its own name, and so wants graceshim's advice on variables and wrappers.
  bool is_own = true;
};
Dialect own_dialect();

struct Invocation {
  Mode mode = Mode::kRun;
  Config config;
  std::vector<std::string> command;  // argv of COMMAND
  std::optional<Said> said;          // if set, it is printed, and nothing else is done
  std::optional<User> user;          // that of child.user
  PlatformFacts platform;
  std::string platform_reason;        // "DYNO is set, /.dockerenv is not there"
  std::string preset;                 // "resque"; empty: none applies
  std::string preset_reason;          // "rake resque:work"
  std::string preset_note;            // the note of the preset's row; may be empty
  std::vector<std::string> warnings;  // one line each, which says what to do instead
  std::vector<std::string> notes;     // one line each, for the log at level debug
  std::vector<char*> environment;     // for the command: that of the surroundings without our settings
};

// Reads and merges all layers. Nothing else in the program knows where a setting can come from.
// Errors, with status 125: anything wrong in the command line, in a variable, in the file or between them. The one
// message says where the mistake is, and names the nearest known word if there is one.
Result<Invocation> configure(const Surroundings& surroundings, const Dialect& dialect = own_dialect());

// The settings for a process that was not recognised at the start, but is recognised when the stop begins.
struct LateStop {
  std::string preset;
  std::string words;  // those by which the process was recognised
  Config config;      // the settings of the run with those of the preset, but without a shield
};

// Whether a preset may still be found at the moment of the stop: no preset applies yet, and no source has set a
// preset, a plan or a signal.
bool may_recognise_late(const Invocation& invocation);

// Recognises a process by the words of its /proc/PID/cmdline; `lookup` returns the variables of its environment.
// Returns nullopt if the process is not recognised for sure, or if a preset, a plan or a signal was set already.
std::optional<LateStop> late_stop(const Invocation& invocation, std::span<const std::string> cmdline,
                                  const std::function<std::optional<std::string>(std::string_view)>& lookup);

std::string program_version();  // "0.1.0"
std::string help_text();        // the options that people use, on one screen; ends in a newline, as do those below
std::string help_all_text();
std::string version_text();
std::string list_presets_text();

// Returns "says READY=1 by sd_notify with -Ws (measured)". Empty: nothing is known.
std::string notifying_in_words(const Notifying& fact);

}  // namespace graceshim
