// From argv, environ and file to the settings of this run: the one door of this folder.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "graceshim/config.h"
#include "graceshim/manners.h"

namespace graceshim {

// What the configuration is read from. Tests fake all of it.
struct Surroundings {
  std::span<char* const> arguments;    // argv; [0] is the program's name
  std::span<char* const> environment;  // "KEY=value", without the final null pointer
  int pid = 0;                         // our own
  bool pid1 = false;
  // The whole of a file. Errors: cannot be opened or read, larger than 1 MiB; the message says which file and why.
  std::function<Result<std::string>(const std::string& path)> read_file;
  std::function<bool(const std::string& path)> exists;
  // The names in a directory, sorted; nothing if it cannot be read.
  std::function<std::optional<std::vector<std::string>>(const std::string& path)> list_directory;
  std::string working_directory;  // for making paths absolute; empty: it has been removed, or cannot be named
};

enum class Mode { kRun, kExplain, kExplainJson, kHelp, kVersion, kListPresets };

// What is printed in place of running anything, and the exit status of that.
struct Said {
  std::string text;
  bool to_stderr = false;
  int status = kExitSuccess;
};

struct Invocation {
  Mode mode = Mode::kRun;
  Config config;
  std::vector<std::string> command;  // argv of COMMAND
  std::optional<Said> said;          // set: this, and nothing else
  PlatformFacts platform;
  std::string platform_reason;        // "DYNO is set, /.dockerenv is not there"
  std::string preset;                 // "resque"; empty: none applies
  std::string preset_reason;          // "rake resque:work"
  std::string preset_note;            // the row's note, may be empty
  std::vector<std::string> warnings;  // each one line, with what to do instead
  std::vector<std::string> notes;     // likewise, for whoever watches closely
  std::vector<char*> environment;     // the command's: that of the surroundings without our settings
};

// Reads and merges all layers. Nothing else in the program knows where a setting can come from.
// Errors: everything of "Bad input" in the README; one message with place and nearest known name, status 125.
Result<Invocation> configure(const Surroundings& surroundings);

// What a process that was not recognised at the start turned out to be when the stop begins.
struct LateStop {
  std::string preset;
  std::string words;  // what gave it away
  Config config;      // the settings of the run with this preset's, but without a shield
};

// Whether a preset may still be found at the moment of the stop: none applies, and nobody has said how to stop.
bool may_recognise_late(const Invocation& invocation);

// Recognises a process by the words of its /proc/PID/cmdline; `lookup` gives the variables of its environment. Nothing
// if it is not recognised for sure, or if a preset, a plan or a signal was set already.
std::optional<LateStop> late_stop(const Invocation& invocation, std::span<const std::string> cmdline,
                                  const std::function<std::optional<std::string>(std::string_view)>& lookup);

// Whether a running process is a shell or another wrapper that takes an INT for itself alone: it catches or ignores the
// signal, waits for the command below it, and neither ends nor passes the signal on. A shell whose text sets a trap
// knows what to do.
bool keeps_interrupt(std::span<const std::string> cmdline);

// `path` as it is meant in `directory`; nothing if it is relative and the directory is not known (empty).
std::optional<std::string> absolute_path(const std::string& path, const std::string& directory);

// How we are to speak under this name, argv[0].
Manners manners_of(std::span<char* const> arguments);

// What --explain prints: command, preset, platform, every setting with its origin, the plan as a timeline, warnings.
std::string explain(const Invocation& invocation, const PlanResult& plan);
// The same as one line of JSON, as packaging/explain.schema.json has it.
std::string explain_json(const Invocation& invocation, const PlanResult& plan);

std::string program_version();  // "0.1.0"
std::string help_text();        // ends in a newline, like all but the version
std::string version_text();
std::string list_presets_text();

}  // namespace graceshim
