// What one life of graceshim was: the facts behind its log lines, and their one JSON object.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "graceshim/deliveries.h"
#include "graceshim/duration.h"
#include "graceshim/exit_code.h"
#include "graceshim/stop_machine.h"

namespace graceshim {

struct StepRecord {
  int signal = 0;
  Scope scope = Scope::kMain;
  Target target = Target::kChild;
  Millis at{0};       // since the start
  int delivered = 0;  // how many processes got it
  int step = 0;       // its place in the plan; kKillOfTree: the end of every plan
};
constexpr int kKillOfTree = -1;

struct StragglerRecord {
  ProcessId id;
  std::string name;
  bool ended = false;  // reaped by graceshim; a member that its own parent reaped stays unknown
  ExitStatus status{};
};

enum class HookResult : std::uint8_t { kNone, kRunning, kEnded, kNotStarted, kCut };

// What the child, and those of its descendants that it waited for, have used (getrusage(2), RUSAGE_CHILDREN of one
// child).
struct Usage {
  std::int64_t max_rss_kib = 0;  // of the largest of them
  Millis user{0};
  Millis system{0};
};

struct Report {
  // What was run, and as what.
  std::string version;
  std::vector<std::string> command;
  std::string preset;    // empty: none
  std::string platform;  // empty: none

  int pid = 0;          // the child's; 0: nothing was started
  int trigger = 0;      // 0: nobody asked for a stop; TERM stands for the end of our parent
  int trigger_pid = 0;  // 0: from outside the PID namespace, or the kernel
  unsigned trigger_uid = 0;
  Millis stop_at{0};  // since the start; T0
  Millis ended_at{0};
  std::vector<StepRecord> steps;
  std::vector<StragglerRecord> stragglers;
  std::uint32_t repeats_ignored = 0;
  std::uint64_t reaped = 0;  // without the child and the hook
  HookResult hook = HookResult::kNone;
  ExitStatus hook_status{};  // kEnded
  Usage usage{};
  std::optional<std::uint64_t> oom_kills;  // that the cgroup counted meanwhile; nothing where it does not say
  Cause cause = Cause::kNone;
  ExitStatus child{};
  int status = 0;
};

constexpr int kReportSchema = 1;

// "exited", "graceful", "escalated", "killed", "unkillable", "start_failed".
const char* cause_name(Cause cause) noexcept;

// The report as one line of JSON with its newline, as packaging/report.schema.json has it, in at most `most` bytes:
// where it would be longer, stragglers, then steps, then words of the command are left out from the end, and
// "shortened" says so. Empty if not even that is enough.
std::string render_report(const Report& report, std::size_t most);

}  // namespace graceshim
