// Facts for the recorder and the narrator, in the order in which they happened: what was reaped, and what came of
// performing actions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "graceshim/result.h"
#include "processes.h"
#include "reaper.h"
#include "report.h"

namespace graceshim {

// A process that has been reaped.
struct Ended {
  enum class Role : std::uint8_t { kChild, kHook, kOrphan };
  Role role = Role::kOrphan;
  int pid = 0;
  ExitStatus status{};
  Usage usage{};
  std::optional<Error> failure{};  // kHook: why it was never executed
};

struct Outcome {
  enum class Kind : std::uint8_t {
    kRecognised,      // process, text: late, as this preset
    kStep,            // step; again: the child was offered it before, or another orphan has got it
    kRerouted,        // signal: the child does not act on it, and processes below it get it
    kServed,          // signal, names: processes that have got it one by one
    kForwarded,       // signal
    kRefused,         // signal, process: it may not be signalled
    kTree,            // members: of the tree, as it was seen
    kKill,            // members: the processes that a pass of KILL has reached
    kSuspended,       // graceshim is about to stop itself
    kHookStarted,     // stop.pre_stop
    kHookNotStarted,  // text: why
    kHookKilled,
  };
  Kind kind = Kind::kStep;
  StepRecord step{};
  bool again = false;
  int signal = 0;
  Process process{};
  std::string text{};
  std::vector<std::string> names{};
  std::vector<Process> members{};
};

// How many processes a log line names before it counts the rest.
constexpr std::size_t kNamesPerLine = 10;

// "PID (NAME)", or the number alone where no name has been read.
inline std::string describe(int pid, const std::string& name) {
  return name.empty() ? std::to_string(pid) : std::to_string(pid) + " (" + name + ")";
}
inline std::string describe(const Process& process) {
  return describe(process.id.pid, process.name);
}

}  // namespace graceshim
