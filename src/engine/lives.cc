// What lies around a life of the child: start.pre before it, stop.post after it, and the restart.
#include "transition.h"

namespace graceshim {

// --- Before the start. ---

void StopMachine::on_life_begins() noexcept {
  if (state_.phase != Phase::kStarting || !plan_.pre_start || state_.prepared != Prepared::kNot) return;
  state_.phase = Phase::kPreparing;
  start_hook(Hook::kPreStart);
}

void StopMachine::on_reaped_in_preparation(const Event& event) noexcept {
  if (state_.hook_running && !event.hook_ended) return;
  if (state_.hook_running) end_hook();
  if (state_.request != Request::kStop) return on_prepared(event.hook_status == ExitStatus{}, event.empty);
  // The shell that has run start.pre dies of the TERM at once; what it has run may have something to finish.
  if (event.empty) return end_unstarted();
  if (!event.group_left) clear();
}

// start.pre has ended, or could not be started, and no stop was asked for.
void StopMachine::on_prepared(bool succeeded, bool empty) noexcept {
  if (succeeded) {
    state_.prepared = empty ? Prepared::kAlone : Prepared::kWithProcesses;
    state_.phase = Phase::kStarting;
    return act(ActionKind::kStart);
  }
  state_.cause = Cause::kStartFailed;
  state_.child = {.value = kExitUsage};
  note(Note::kPreStartFailed);
  empty ? end_unstarted() : clear();
}

// A trigger has come while start.pre runs, which has the timeout to end.
void StopMachine::stop_preparing(int trigger, int noted_signal) noexcept {
  ask_for_stop(trigger, noted_signal);
  state_.cause = Cause::kGraceful;
  set_stop_times(plan_.timeout);
  note(Note::kStopAsked, noted_signal);
  act(Action::of_hook(ActionKind::kStopHook, Hook::kPreStart));
}

// A trigger has come before the start, and start.pre has succeeded.
void StopMachine::stop_prepared(int trigger, int noted_signal) noexcept {
  ask_for_stop(trigger, noted_signal);
  state_.cause = Cause::kGraceful;
  note(Note::kStopAsked, noted_signal);
  abandon_start();
}

void StopMachine::abandon_start() noexcept {
  state_.prepared == Prepared::kWithProcesses ? clear() : end_unstarted();
}

// The child has not been started, and nothing is left of start.pre.
void StopMachine::end_unstarted() noexcept {
  if (state_.restarts == 0)
    return finish_with(state_.cause,
                       state_.cause == Cause::kStartFailed ? state_.child.value : kExitSignalBase + state_.trigger);
  // What was prepared is tidied up; where start.pre itself has failed, nothing was.
  close_life(plan_.post_stop && state_.prepared != Prepared::kNot);
}

// --- The end. ---

// The child has ended, and its tree is empty.
void StopMachine::end_life() noexcept {
  if (state_.hook_running) cut_hook();
  // The life of a command that has put itself into the background is that of its tree.
  if (state_.phase == Phase::kRunning) end_row();
  close_life(plan_.post_stop);
}

void StopMachine::close_life(bool tidies) noexcept {
  const bool gives_up =
      state_.request == Request::kNone && restarts_after_end() && state_.restarts_in_row >= plan_.restart.limit;
  if (gives_up) state_.cause = Cause::kGaveUp;
  tidies ? tidy() : go_on();
}

void StopMachine::tidy() noexcept {
  let_go_of_child();
  state_.phase = Phase::kTidying;
  start_hook(Hook::kPostStop);
  arm(Timer::kHookLimit, now_ + time_to_tidy());
}

Millis StopMachine::time_to_tidy() const noexcept {
  if (state_.request == Request::kNone || plan_.timeout == kInfinity) return kMostPostStop;
  const Millis left = sooner(state_.t0 + plan_.timeout - now_, kMostPostStop);
  return left < kLeastPostStop ? kLeastPostStop : left;
}

// stop.post has ended, or could not be started.
void StopMachine::on_tidied(bool empty) noexcept {
  empty ? go_on() : clear();
}

// A trigger has come when the life was over already: it only prevents the next one.
void StopMachine::prevent_next_life(int trigger, int noted_signal) noexcept {
  const bool was_restart = state_.request == Request::kRestart;
  ask_for_stop(trigger, noted_signal);
  if (state_.phase == Phase::kTidying)
    arm(Timer::kHookLimit, sooner(state_.due[Timer::kHookLimit], now_ + time_to_tidy()));
  note(was_restart ? Note::kStopsForGood : Note::kStopAsked, noted_signal);
}

// The life is over, and nothing is left of it: what follows?
void StopMachine::go_on() noexcept {
  if (state_.request == Request::kRestart) {
    state_.restarts_in_row = 0;
    forget_life();
    // The command has the whole of the interval for its own first sign.
    if (plan_.ping_manager != kInfinity) act(ActionKind::kPingManager);
    note(Note::kRestarts);
    return start_again();
  }
  if (state_.cause == Cause::kGaveUp) {
    note(Note::kGaveUp);
  } else if (state_.request == Request::kNone && restarts_after_end()) {
    return wait_for_restart();
  }
  finish();
}

bool StopMachine::restarts_after_end() const noexcept {
  return (missed() ? plan_.restart.after_miss : plan_.restart.after).has(state_.child);
}

// A row of restarts ends with a life that was long enough.
void StopMachine::end_row() noexcept {
  if (now_ - healthy_since() >= plan_.restart.reset_after) state_.restarts_in_row = 0;
}

// Once a life is over, what follows it is decided.
void StopMachine::on_row_reset() noexcept {
  if (!is_between_lives(state_.phase)) state_.restarts_in_row = 0;
}

void StopMachine::wait_for_restart() noexcept {
  ++state_.restarts_in_row;
  forget_life();
  state_.phase = Phase::kBetweenLives;
  const Millis wait = restart_delay(plan_.restart, state_.restarts_in_row);
  arm(Timer::kRestart, now_ + wait + wait * jitter_ / kJitterScale);
  note(Note::kRestarts);
}

// The child is ready no more, the terminal is ours again, and nothing of the life is due.
void StopMachine::let_go_of_child() noexcept {
  withdraw_ready();
  if (state_.child_has_terminal) act(ActionKind::kTakeTerminal);
  state_.child_has_terminal = false;
  state_.due = {};
}

// The next life begins as the first one did.
void StopMachine::forget_life() noexcept {
  let_go_of_child();
  State next;
  next.child = end_of_life();
  next.repeats_ignored = state_.repeats_ignored;
  next.restarts = state_.restarts;
  next.restarts_in_row = state_.restarts_in_row;
  state_ = next;
}

void StopMachine::start_again() noexcept {
  disarm(Timer::kRestart);
  state_.phase = Phase::kStarting;
  ++state_.restarts;
  act(ActionKind::kStart);
}

// A command that has handled the ABRT, or a step behind it, may have exited with 0. Its end is a failure all the same,
// as with systemd, and has the status of the signal that it should have died of.
ExitStatus StopMachine::end_of_life() const noexcept {
  return missed() && exit_code(state_.child) == kExitSuccess ? ExitStatus{true, sig::kAbrt} : state_.child;
}

// The life is over, or what is left of it is left to itself: the child's status becomes ours.
void StopMachine::finish() noexcept {
  if (state_.hook_running) cut_hook();
  const int code = exit_code(end_of_life());
  const bool asked = state_.cause == Cause::kGraceful || state_.cause == Cause::kEscalated;
  const bool counts = asked || plan_.success_when == SuccessWhen::kAlways;
  const bool counts_as_success = counts && plan_.success.has(code);
  // A later start that has failed is the end of a life.
  const bool ended_unasked = state_.cause == Cause::kNone || state_.cause == Cause::kStartFailed;
  finish_with(ended_unasked ? Cause::kExited : state_.cause, counts_as_success ? kExitSuccess : code);
}

void StopMachine::finish_with(Cause cause, int status) noexcept {
  let_go_of_child();
  state_.phase = Phase::kFinished;
  state_.cause = cause;
  state_.status = status;
  act(Action::finish(status));
}

// --- The hooks around a life, and what they leave. ---

void StopMachine::start_hook(Hook hook) noexcept {
  state_.hook = hook;
  state_.hook_running = true;
  act(Action::of_hook(ActionKind::kStartHook, hook));
}

void StopMachine::kill_hook() noexcept {
  if (state_.hook_running) cut_hook();
  clear();
}

void StopMachine::clear() noexcept {
  state_.due = {};
  state_.phase = Phase::kClearing;
  state_.pass_interval = kFirstPassInterval;
  act(Action::of_hook(ActionKind::kKillLeft, state_.hook));
  arm(Timer::kPass, now_ + state_.pass_interval);
  arm(Timer::kKillGrace, now_ + kKillGrace);
}

// Before the first life the tree need not become empty: graceshim may have inherited children.
void StopMachine::on_cleared(bool reachable, bool found) noexcept {
  if (!found && state_.restarts == 0 && state_.hook == Hook::kPreStart) return end_clearing();
  if (!reachable) leave_rest();
}

void StopMachine::end_clearing() noexcept {
  state_.due = {};
  state_.hook == Hook::kPostStop ? go_on() : end_unstarted();
}

// No life begins beside what KILL does not end.
void StopMachine::leave_rest() noexcept {
  act(ActionKind::kLookAtTree);
  note(Note::kSurvivors);
  if (state_.restarts == 0 && state_.hook == Hook::kPreStart) return end_unstarted();
  finish();
}

void StopMachine::ask_for_stop(int trigger, int noted_signal) noexcept {
  state_.request = Request::kStop;
  tell_stopping();
  state_.trigger = trigger;
  state_.t0 = now_;
  if (noted_signal != 0) state_.triggers_seen.add(trigger);
  if (trigger == sig::kInt) state_.last_int = now_;
}

}  // namespace graceshim
