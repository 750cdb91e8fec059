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
  std::string working_directory;  // for making paths absolute
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
  std::vector<std::string> notes;     // what a personality says of its variables
};

// Reads and merges all layers. Nothing else in the program knows where a setting can come from.
// Errors: everything of "Bad input" in the README; one message with place and nearest known name, status 125.
Result<Invocation> configure(const Surroundings& surroundings);

// `path` as it is meant in `directory`.
std::string absolute_path(const std::string& path, const std::string& directory);

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
