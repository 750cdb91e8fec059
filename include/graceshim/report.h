// What one life of graceshim was: the facts behind its log lines.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "graceshim/duration.h"
#include "graceshim/exit_code.h"
#include "graceshim/roots.h"
#include "graceshim/stop_machine.h"

namespace graceshim {

struct StepRecord {
  int signal = 0;
  Scope scope = Scope::kMain;
  Target target = Target::kChild;
  Millis at{0};        // since the start
  int delivered = 0;   // how many processes got it
};

struct StragglerRecord {
  ProcessId id;
  std::string name;
  bool ended = false;   // reaped by graceshim; a member that its own parent reaped stays unknown
  ExitStatus status{};
};

struct Report {
  int pid = 0;                       // the child's
  int trigger = 0;
  int trigger_pid = 0;               // 0: from outside the PID namespace, or the kernel
  unsigned trigger_uid = 0;
  Millis stop_at{0};                 // since the start; T0
  Millis ended_at{0};
  std::vector<StepRecord> steps;
  std::vector<StragglerRecord> stragglers;
  std::uint32_t repeats_ignored = 0;
  std::uint64_t reaped = 0;
  Cause cause = Cause::kNone;
  ExitStatus child{};
  int status = 0;
};

// "exited", "graceful", "escalated", "killed", "start_failed".
const char* cause_name(Cause cause) noexcept;

}  // namespace graceshim
