// Facts for the recorder and the narrator, in the order in which they happened: what was reaped, and what came of
// performing actions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "graceshim/result.h"
#include "graceshim/signal.h"
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
  Hook hook = Hook::kPreStop;      // kHook: which one it was
};

struct Outcome {
  enum class Kind : std::uint8_t {
    // process, text: the process was recognised when the stop began, and `text` is the name of its preset.
    kRecognised,
    // step: the step was sent. again: the child was offered the step before, or another orphan has got it.
    kStep,
    // signal: the child does not act on the signal, and processes below it get it.
    kRerouted,
    // signal, names: the processes of these names have got the signal one by one.
    kServed,
    kForwarded,  // signal: it was forwarded
    // signal, process: the process may not be signalled.
    kRefused,
    // signal, process: the signal was sent without its value, and may have been merged with one of its number.
    kUnqueued,
    kTree,  // members: the members of the tree, as it was seen
    // members: the processes that a pass of KILL has reached.
    kKill,
    kSuspended,       // graceshim is about to stop itself
    kHookStarted,     // hook: it was started
    kHookNotStarted,  // hook, text: why it was not started
    kHookKilled,      // hook: its group got KILL
    kLeftKilled,      // hook, members: what it has left got KILL; each process is named once
    kNotTold,         // text: why nobody could be told that the command is ready, or is so no longer
    kOomKills,        // oom_kills: what the cgroup has counted by the end of a life that is followed by another
  };
  Kind kind = Kind::kStep;
  StepRecord step{};
  bool again = false;
  int signal = 0;
  Hook hook = Hook::kPreStop;
  Process process{};
  std::string text{};
  std::vector<std::string> names{};
  std::vector<Process> members{};
  std::optional<std::uint64_t> oom_kills{};
};

// "PID (NAME)", or the number alone where no name has been read.
inline std::string describe(int pid, const std::string& name) {
  return name.empty() ? std::to_string(pid) : std::to_string(pid) + " (" + name + ")";
}
inline std::string describe(const Process& process) {
  return describe(process.id.pid, process.name);
}
// "died of TERM", "ended with status 1".
inline std::string describe(ExitStatus status) {
  return status.by_signal ? "died of " + signal_name(status.value)
                          : "ended with status " + std::to_string(status.value);
}

}  // namespace graceshim
