// The watchdog of the command, and what the service manager's own hears while there is no command.
#include "transition.h"

namespace graceshim {

// The watch begins when the command is ready, or with the first sign of life of a command that is not ready yet: who
// gives one goes on with it. systemd counts in the same way.
void StopMachine::begin_watch() noexcept {
  if (state_.watchdog != kInfinity) feed_watchdog();
}

void StopMachine::on_pinged() noexcept {
  if (state_.phase == Phase::kRunning && !plan_.pause) begin_watch();
}

void StopMachine::on_watchdog_set(Millis interval) noexcept {
  if (plan_.watchdog == kInfinity || state_.phase != Phase::kRunning || plan_.pause) return;
  const bool watches = state_.ready() || state_.due[Timer::kWatchdog] != kInfinity;
  state_.watchdog = interval;
  if (watches) feed_watchdog();
}

void StopMachine::on_abort_asked() noexcept {
  if (plan_.watchdog != kInfinity && state_.phase == Phase::kRunning && !plan_.pause) miss();
}

bool misses_watchdog(const Plan& plan, const State& state, const Event& event) noexcept {
  if (plan.watchdog == kInfinity || state.phase != Phase::kRunning) return false;
  if (event.kind == EventKind::kAbortAsked) return true;
  const Millis due = later(state.due[Timer::kWatchdog], stood_still_before(plan, state, event));
  return event.kind == EventKind::kTimer && due <= event.at;
}

// The command hangs: neither stop.delay nor stop.pre_stop comes first, as systemd runs no ExecStop= then. A tree whose
// child has ended has nobody left whose core would tell something.
void StopMachine::miss() noexcept {
  withdraw_ready();
  state_.missed_at = now_;
  state_.cause = Cause::kWatchdog;
  state_.trigger = sig::kTerm;
  set_stop_times(plan_.timeout);
  if (state_.target == Target::kOrphans) {
    enter_step(0);
    return note(Note::kMissed);
  }
  state_.phase = Phase::kAborting;
  act(ActionKind::kAbort);
  const Millis end = now_ + sooner(kMostAbort, plan_.hook_limit);
  arm(Timer::kWait, end < state_.deadline ? end : kInfinity);
  if (state_.deadline == kInfinity) state_.latest = later(end, plan_.extend_max);
  note(Note::kMissed);
}

bool StopMachine::stops_for_now() const noexcept {
  return state_.request == Request::kRestart || (state_.request == Request::kNone && state_.cause == Cause::kWatchdog);
}

// From the end of a command to the start of the next one, systemd's watchdog has nobody else. The last sign of life may
// be old by then, so that the first one of ours comes at once. Once a stop has been asked for, systemd asks for none.
void StopMachine::stand_in() noexcept {
  if (plan_.ping_manager == kInfinity) return;
  const bool in_tree =
      state_.target == Target::kOrphans && (is_stopping(state_.phase) || state_.phase == Phase::kKilling);
  const bool is_alone = is_between_lives(state_.phase) || in_tree;
  const bool was_alone = state_.due[Timer::kPing] != kInfinity;
  if (!is_alone || state_.request == Request::kStop) {
    // The command that is started now has the whole of the interval for its own first sign.
    if (was_alone && state_.phase == Phase::kStarting) act(ActionKind::kPingManager);
    return disarm(Timer::kPing);
  }
  if (was_alone) return;
  act(ActionKind::kPingManager);
  arm(Timer::kPing, now_ + plan_.ping_manager);
}

}  // namespace graceshim
