// One run of graceshim: the command is started, looked after and stopped, for one life of it or for several. The door
// of this folder.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "conventions.h"
#include "credentials.h"
#include "graceshim/plan.h"
#include "graceshim/result.h"
#include "graceshim/stop_machine.h"
#include "late_recognition.h"
#include "narrator.h"
#include "output.h"
#include "ready_teller.h"
#include "relay.h"
#include "report.h"

namespace graceshim {

// How the process was found when it started.
struct Entry {
  int pid = 0;
  bool pid1 = false;
  Terminal terminal = Terminal::kNone;  // kShared: other processes live in our group (a pipeline, a Procfile runner)
  bool suspendable = false;             // we are neither PID 1 nor a session leader
  std::string working_directory;
};

// Makes descriptors 0 to 2 safe to use and looks around. To be called before anything else is opened.
Entry enter();

bool file_exists(const std::string& path);
// Returns the names in a directory, sorted; nothing if it cannot be read.
std::optional<std::vector<std::string>> directory_names(const std::string& path);

// Writes all of `text` to stdout, or to stderr. Errors, status 125: it could not be written, or not all of it; a
// descriptor that was closed when the process started counts as such.
Result<void> print(std::string_view text, bool to_stderr = false);

// Writes one line to stderr, without ever blocking. What is in it need not be escaped.
void complain(std::string_view line, const Conventions& conventions);

struct RunRequest {
  Plan plan;
  Plan unshielded;                   // used instead of `plan` if the kernel refuses the seccomp filter
  std::vector<std::string> command;  // argv; empty only where the plan is to pause
  std::vector<char*> environment;    // the command's, and of what else is started
  std::array<std::vector<std::string>, kHookCount> hooks;  // argv of each, in the order of Hook; empty: none
  std::string working_directory;
  std::optional<Credentials> credentials;  // of the command and of what else is started; empty: our own
  std::string user;                        // for messages: whose credentials these are
  std::vector<std::string> variables;      // "KEY=value", in place of those in `environment`
  std::vector<std::string> pid_variables;  // "KEY=", each of which holds the command's pid
  std::string directory;                   // of the command; empty: `working_directory`
  int umask = -1;                          // -1: our own
  bool die_with_shim = true;
  bool die_with_parent = false;
  int parent_death_signal = 0;  // what the kernel sends us when our parent ends; 0: nothing
  bool subreaper = true;
  bool shell_for_scripts = false;   // /bin/sh runs what is no executable format
  bool keeps_standard_fds = false;  // 0 and 1 stay as they were found; as PID 1 they always do
  Conventions conventions;
  NarratorMaker narrator = make_narrator;
  LogLevel log_level = LogLevel::kInfo;
  LogFormat log_format = LogFormat::kText;
  std::vector<std::string> warnings;  // logged at the start
  std::vector<std::string> notes;     // logged before the warnings, at the level debug
  RelayRequest relay;
  ReadyRequest ready;
  ReportTarget report;
  std::string report_set_by;  // the option, variable or line that names the target; empty: none does
  std::string version;        // for the report, with the next two
  std::string preset;         // empty: none
  std::string platform;       // empty: none
  LateRecognition knowledge;
  std::function<void(const Report& report)> on_end;  // called when the run has ended; empty: nobody is
};

// Runs the command to the end of its last life, and writes the report that `request` asks for. Returns the exit status
// of graceshim. To be called once, with a request that lives as long as the process.
int run(const RunRequest& request);

}  // namespace graceshim
