// Turns the settings of one run into its plan.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config.h"
#include "graceshim/plan.h"
#include "graceshim/result.h"
#include "platforms.h"

namespace graceshim {

// What is known of the graceshim process when it starts.
struct Situation {
  bool pid1 = false;
  // Of the signals that may start a stop, those that were ignored when graceshim started.
  SignalSet ignored{};
  // kShared if other processes live in our group (a pipeline, a Procfile runner).
  Terminal terminal = Terminal::kNone;
  bool suspendable = false;  // we are neither PID 1 nor a session leader
  // How often systemd's watchdog wants to hear of us; kInfinity: it does not, or nothing passes through graceshim.
  Millis manager_watchdog = kInfinity;
};

struct PlanResult {
  Plan plan;
  // The plan that is used if the kernel refuses the shield. Without a shield it equals `plan`.
  Plan unshielded;
  // Why the timeout has its value: "--stop-timeout", "platform heroku: 30s less 1s".
  std::string timeout_reason;
  std::string steps_reason;  // where the steps come from
  // The first signal of the plan, if it starts a stop although stop.on does not name it.
  std::vector<int> implicit_triggers;
};

// Returns the signals that may start a stop by these settings. For each of them, make_plan() must be told whether the
// signal was ignored when graceshim started.
SignalSet may_start_stop(const Config& config) noexcept;

// Returns which setting would send a signal of `shield` to the command, which would not notice it: "stop.plan
// (--stop-plan) sends TERM". Returns nothing if the settings and the shield go together.
std::optional<std::string> shield_conflict(const Config& config, SignalSet shield);

// Returns the signals of `shield` that graceshim neither takes for a stop nor maps. If such a signal is sent to
// graceshim, it is forwarded to a command that does not notice it.
SignalSet passed_on_in_vain(const Config& config, SignalSet shield) noexcept;

// Turns settings into the plan of this run.
// Errors, each of which names the settings and where they came from: stop.plan and stop.signal come from the same
// layer; a signal is both in stop.on and in [signals]; a signal is both sent and shielded; the delay, together with the
// waits that were set, does not fit into the timeout that was set; a wait of `infinity` stands beside a finite timeout,
// and both were set by a person; and those of restart_conflict() and readiness_conflict().
Result<PlanResult> make_plan(const Config& config, const PlatformFacts& platform, const Situation& situation);

}  // namespace graceshim
