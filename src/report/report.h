// The report of one run of graceshim: the facts behind its log lines, and the JSON object that holds them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "graceshim/duration.h"
#include "graceshim/result.h"
#include "graceshim/stop_machine.h"
#include "processes.h"
#include "reaper.h"

namespace graceshim {

struct StepRecord {
  int signal = 0;
  Scope scope = Scope::kMain;
  Target target = Target::kChild;
  Millis at{0};       // since the start
  int delivered = 0;  // how many processes got the step
  // The index of the step in the plan, or kKillOfTree for the KILL that ends every plan, or kAbortStep for the ABRT of
  // the watchdog, which precedes it.
  int step = 0;
};
constexpr int kKillOfTree = -1;
constexpr int kAbortStep = -2;

struct StragglerRecord {
  ProcessId id;
  std::string name;
  // Whether graceshim has reaped the process. If its own parent has reaped it, its end stays unknown.
  bool ended = false;
  ExitStatus status{};
};

// One life of the command: from its start, which may have failed, to its end.
struct LifeRecord {
  ExitStatus end{};
  Millis duration{0};
  std::optional<Millis> ready;  // from the start to when the command was ready; nothing if it never was
  // From the end of the life before, of its tree and of its stop.post, to the start, or to start.pre.
  Millis waited{0};
  bool started = true;  // false: its start has failed
  // How many OOM kills the cgroup has counted by the end of the life, since it was made. Nothing if it does not tell,
  // or if no other life follows.
  std::optional<std::uint64_t> oom_kills;
  bool oom = false;  // one of them fell into the life
};
constexpr std::size_t kLivesShown = 10;  // the last ones

enum class HookResult : std::uint8_t { kNone, kRunning, kEnded, kNotStarted, kCut };
struct HookRecord {
  HookResult result = HookResult::kNone;
  ExitStatus status{};  // valid with HookResult::kEnded
};

struct Report {
  // What was run, and with which settings.
  std::string version;
  std::vector<std::string> command;
  std::string preset;    // empty if there is none
  std::string platform;  // empty if there is none

  // The child's pid; 0 if nothing was started. Of several lives, the report has the trigger, the steps, the stragglers
  // and the hooks of the last.
  int pid = 0;
  int trigger = 0;      // 0 if no stop was asked for; TERM if our parent has ended
  int trigger_pid = 0;  // 0 for the kernel, or a process outside our PID namespace
  unsigned trigger_uid = 0;
  Millis stop_at{0};   // when the stop began, since the start
  Millis ended_at{0};  // since the start
  Millis over_at{0};   // when the last life was over, and its tree: what is later is stop.post, or a wait
  Millis child_ended_at{0};
  std::vector<StepRecord> steps;
  std::vector<StragglerRecord> stragglers;
  std::uint32_t repeats_ignored = 0;
  Millis stood_still{0};  // for how long the clock did, because graceshim did not run; shown if it did
  std::uint64_t notifications_dropped = 0;  // of the command, and of strangers; shown if there were some
  std::uint32_t restarts = 0;
  std::uint32_t restarts_requested = 0;  // how often a signal has asked for one
  std::vector<LifeRecord> lives;         // at most one more than kLivesShown
  std::uint64_t reaped = 0;              // how many processes, without the child and the hooks
  std::array<HookRecord, kHookCount> hooks;
  Usage usage{};  // of all lives: the sum of the times, and the largest process
  // How many OOM kills the cgroup has counted during the run. Nothing if the cgroup does not tell.
  std::optional<std::uint64_t> oom_kills;
  Cause cause = Cause::kNone;
  ExitStatus child{};
  int status = 0;
};

constexpr int kReportSchema = 1;

// Returns "exited", "graceful", "escalated", "killed", "unkillable", "start_failed", "gave_up" or "watchdog".
const char* cause_name(Cause cause) noexcept;

// Returns the report as one line of JSON that ends in a newline, by packaging/report.schema.json, in at most `most`
// bytes. If the line would be longer, entries are left out from the end: first of the stragglers, then of the steps,
// then of the words of the command; "shortened" says so. Returns an empty string if `most` is too small even for that.
std::string render_report(const Report& report, std::size_t most);

}  // namespace graceshim
