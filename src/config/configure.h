// Turns argv, environ and the file into the settings of this run. No other header of this folder is included
// by other folders of src/.
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

// Everything that the configuration is read from. Tests replace all of it.
struct Surroundings {
  std::span<char* const> arguments;    // argv; [0] is the program's name
  std::span<char* const> environment;  // "KEY=value", without the final null pointer
  int pid = 0;                         // that of graceshim itself
  bool pid1 = false;
  // Returns the content of a file. Errors: the file cannot be opened or read, or is larger than 1 MiB; the message
  // names the file and the reason.
  std::function<Result<std::string>(const std::string& path)> read_file;
  std::function<bool(const std::string& path)> exists;
  // Returns the names in a directory, sorted, or nullopt if the directory cannot be read.
  std::function<std::optional<std::vector<std::string>>(const std::string& path)> list_directory;
  // Relative paths begin here. Empty: the directory has been removed, or its name cannot be found.
  std::string working_directory;
};

enum class Mode { kRun, kExplain, kExplainJson, kHelp, kVersion, kListPresets };

// A text that is printed instead of running anything, and the exit status that follows.
struct Said {
  std::string text;
  bool to_stderr = false;
  int status = kExitSuccess;
};

struct Invocation {
  Mode mode = Mode::kRun;
  Config config;
  std::vector<std::string> command;  // argv of COMMAND
  std::optional<Said> said;          // if set, it is printed, and nothing else is done
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
Result<Invocation> configure(const Surroundings& surroundings);

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

// Whether a running process is a shell or another wrapper that keeps an INT to itself: such a process catches or
// ignores the signal, waits for the command below it, and neither ends nor passes the signal on. A shell whose text
// sets a trap does not count, because it handles signals in its own way.
bool keeps_interrupt(std::span<const std::string> cmdline);

// Returns `path` as an absolute one, taken from `directory`; nullopt if `path` is relative and `directory` is empty,
// which means unknown.
std::optional<std::string> absolute_path(const std::string& path, const std::string& directory);

// Returns the words and exit statuses that belong to the name by which we were called, argv[0].
Manners manners_of(std::span<char* const> arguments);

// Returns what --explain prints: command, preset, platform, every setting with its origin, the plan as a timeline,
// warnings.
std::string explain(const Invocation& invocation, const PlanResult& plan);
// Returns the same as one line of JSON, in the form that packaging/explain.schema.json describes.
std::string explain_json(const Invocation& invocation, const PlanResult& plan);

std::string program_version();  // "0.1.0"
std::string help_text();        // ends in a newline, as do the two below
std::string version_text();
std::string list_presets_text();

}  // namespace graceshim
