// What each kind of event means. The moves that follow are in transition.cc and lives.cc.
#include "graceshim/stop_machine.h"

#include "transition.h"

namespace graceshim {

void StopMachine::handle(const Event& event) noexcept {
  if (state_.phase == Phase::kFinished) return;
  switch (event.kind) {
    case EventKind::kStarted:
      return on_started(event.in_foreground);
    case EventKind::kStartFailed:
      return on_start_failed(event.status.value);
    case EventKind::kSignal:
      return on_signal(event);
    case EventKind::kParentEnded:
      return on_parent_ended();
    case EventKind::kReaped:
      return on_reaped(event);
    case EventKind::kChildStopped:
      return control(on_child_stopped(plan_, state_, event.signal, event.foreground));
    case EventKind::kUnheard:
      return on_unheard();
    case EventKind::kPassed:
      return state_.phase == Phase::kClearing ? on_cleared(event.reachable, event.found) : on_passed(event.reachable);
    case EventKind::kHookFailed:
      return on_hook_failed();
    case EventKind::kReady:
      return on_ready();
    case EventKind::kPinged:
      return on_pinged();
    case EventKind::kAbortAsked:
      return on_abort_asked();
    case EventKind::kWatchdogSet:
      return on_watchdog_set(event.duration);
    case EventKind::kExtended:
      return on_extended(event.duration);
    case EventKind::kRowReset:
      return on_row_reset();
    case EventKind::kLifeBegins:
      return on_life_begins();
    case EventKind::kTimer:
      return on_timer();
  }
}

void StopMachine::on_started(bool in_foreground) noexcept {
  if (state_.phase != Phase::kStarting) return;
  state_.child_has_terminal = in_foreground;
  state_.phase = Phase::kRunning;
  if (plan_.pause) state_.target = Target::kOrphans;
  state_.started_at = now_;
  state_.watchdog = plan_.watchdog;
  if (plan_.readiness == Readiness::kExec) become_ready();
}

void StopMachine::on_start_failed(int code) noexcept {
  if (state_.phase != Phase::kStarting) return;
  // A deployment may be exchanging the program just now: at a later start this is a life that has failed.
  state_.cause = Cause::kStartFailed;
  state_.child = {.value = code};
  abandon_start();
}

void StopMachine::on_signal(const Event& event) noexcept {
  const int signal = event.signal;
  if (signal < 1 || signal > kSignalMax) return;
  const Route asked = plan_.routes[static_cast<std::size_t>(signal)];
  const Route route = asked.is_forward_unless_ignored() && event.was_ignored ? Route::drop() : asked;
  if (route.is_trigger()) return on_trigger(signal, signal, event.from_keyboard);
  if (route.is_restart()) return on_restart_asked(signal);
  if (state_.phase == Phase::kStarting || state_.phase == Phase::kKilling) return;
  if (is_between_lives(state_.phase)) {
    // A window that is closed, or a ^Z, is for whoever has the terminal, and that is graceshim now.
    if (event.terminal_gone) return on_trigger(signal, signal, false);
    if (suspends_between_lives(plan_, event)) return act(ActionKind::kSuspend);
    if (state_.phase != Phase::kBetweenLives && !route.is_dropped()) note(Note::kNotPassedOn, signal);
    return;
  }
  // After a ^Z, nobody could give a sign of life: both of us were stopped, for as long as somebody liked.
  if (signal == sig::kCont && state_.due[Timer::kWatchdog] != kInfinity) feed_watchdog();
  if (signal == sig::kCont && plan_.terminal == Terminal::kHandedOver && state_.target == Target::kChild) {
    control(on_continued(event.foreground));
    if (route.replacement() == sig::kCont) return;
  }
  const bool platform_sent_it = route.replacement() == signal && plan_.broadcast.has(signal);
  if (!route.is_dropped() && !platform_sent_it && !reaches_child_without_us(plan_, state_, event))
    forward(route.replacement(), forward_scope());
  if (plan_.suspend_on.has(signal)) act(ActionKind::kSuspend);
}

// `noted_signal` is what the log names: 0 where no signal asked, but the end of our parent.
void StopMachine::on_trigger(int trigger, int noted_signal, bool from_keyboard) noexcept {
  if (plan_.pause) return finish_with(Cause::kGraceful, kExitSuccess);
  switch (state_.phase) {
    case Phase::kStarting:
      if (state_.prepared != Prepared::kNot) return stop_prepared(trigger, noted_signal);
      if (state_.restarts == 0) return finish_with(Cause::kGraceful, kExitSignalBase + trigger);
      [[fallthrough]];
    case Phase::kBetweenLives:
      // Nothing runs that could be stopped: the last life has had the last word.
      state_.t0 = now_;
      state_.cause = Cause::kGraceful;
      note(Note::kStopAsked, noted_signal);
      return finish();
    case Phase::kRunning:
      return begin_stop(Request::kStop, trigger, noted_signal, from_keyboard);
    case Phase::kAborting:
    case Phase::kDraining:
    case Phase::kStepping:
    case Phase::kSettling:
    case Phase::kKilling:
      if (stops_for_now()) return stop_for_good(trigger, noted_signal, from_keyboard);
      return on_repeated_trigger(trigger, from_keyboard);
    case Phase::kPreparing:
      if (state_.request == Request::kStop) return on_repeated_trigger(trigger, from_keyboard);
      return stop_preparing(trigger, noted_signal);
    case Phase::kTidying:
    case Phase::kClearing:
      if (state_.request == Request::kStop) return on_repeated_trigger(trigger, from_keyboard);
      return prevent_next_life(trigger, noted_signal);
    case Phase::kFinished:
      return;
  }
}

void StopMachine::on_restart_asked(int signal) noexcept {
  if (state_.phase == Phase::kStarting || plan_.pause) return;
  if (state_.phase == Phase::kRunning) return begin_stop(Request::kRestart, sig::kTerm, signal, false);
  if (state_.phase == Phase::kBetweenLives) {
    note(Note::kRestartAsked, signal);
    state_.restarts_in_row = 0;
    return start_again();
  }
  if (state_.hook == Hook::kPreStart && is_between_lives(state_.phase)) return note(Note::kNotPassedOn, signal);
  if (state_.request != Request::kNone) {
    ++state_.repeats_ignored;
    return note(Note::kRepeatIgnored, signal);
  }
  // The child has ended unasked, and its tree is being stopped, or stop.post runs; or the watchdog has run out.
  state_.request = Request::kRestart;
  note(Note::kRestartAsked, signal);
}

void StopMachine::on_parent_ended() noexcept {
  if (state_.request == Request::kStop) return;
  if (is_between_lives(state_.phase)) return on_trigger(sig::kTerm, 0, false);
  const bool ended_unasked = state_.cause != Cause::kNone && state_.request == Request::kNone && !stops_for_now();
  if (!ended_unasked) return on_trigger(sig::kTerm, 0, false);
  // What the child has left is being stopped already; no life follows.
  state_.request = Request::kStop;
  tell_stopping();
  if (!plan_.may_restart() || state_.phase == Phase::kKilling) return;
  state_.t0 = now_;
  note(Note::kStopAsked, 0);
}

void StopMachine::on_reaped(const Event& event) noexcept {
  if (state_.phase == Phase::kStarting || state_.phase == Phase::kBetweenLives) return;
  if (state_.phase == Phase::kClearing) return event.empty ? end_clearing() : void();
  if (state_.phase == Phase::kPreparing) return on_reaped_in_preparation(event);
  const bool hook_ended = event.hook_ended && state_.hook_running;
  if (hook_ended) end_hook();
  if (state_.phase == Phase::kTidying) return hook_ended ? on_tidied(event.empty) : void();
  if (event.child_ended && state_.target == Target::kChild) return on_child_ended(event);
  if (hook_ended) drain_or_step();
  if (state_.target == Target::kChild) return;
  if (event.empty) return plan_.pause ? void() : end_life();
  // Whoever was just reaped may have left us orphans, which need the current step as well.
  if (state_.phase == Phase::kStepping) rescan_orphans();
}

void StopMachine::on_child_ended(const Event& event) noexcept {
  state_.child = event.status;
  state_.target = Target::kOrphans;
  end_row();
  if (state_.hook_running) cut_hook();
  if (event.empty) return end_life();
  if (state_.phase == Phase::kKilling) return;
  if (plan_.stragglers == Stragglers::kLeave || plan_.stragglers == Stragglers::kDismiss) {
    if (plan_.stragglers == Stragglers::kDismiss && !plan_.shares_group())
      act(Action::dismiss(plan_.clean_up_signal()));
    note(Note::kLeft);
    return finish();
  }
  if (state_.phase != Phase::kRunning) return address_orphans(event.status);

  if (plan_.stragglers == Stragglers::kWait) return wait_for_tree(Note::kWaiting);
  // What lives in a session of its own may be what start.pre has left.
  const bool may_daemonise = state_.prepared != Prepared::kWithProcesses;
  const bool daemonised =
      may_daemonise && event.status == ExitStatus{} && event.own_session && now_ - state_.started_at < kDaemonWindow;
  if (daemonised) return wait_for_tree(Note::kDaemonised);
  stop_orphans();
}

// The child may be about to start the process that the step is for, or a process below it may not have set its handlers
// yet.
void StopMachine::on_unheard() noexcept {
  if (state_.phase != Phase::kStepping || state_.target != Target::kChild) return;
  arm(Timer::kRescan, now_ + state_.rescan_interval);
  state_.rescan_interval = sooner(state_.rescan_interval * 2, kLongestRescanInterval);
}

void StopMachine::on_passed(bool reachable) noexcept {
  if (state_.phase != Phase::kKilling) return;
  // What is left may not be signalled: to wait for it would only hang the exit.
  if (!reachable) return leave_survivors();
  const bool is_first = state_.pass_interval == kFirstPassInterval;
  if (is_first) note(Note::kKill);
}

void StopMachine::on_hook_failed() noexcept {
  if (!state_.hook_running) return;
  end_hook();
  if (state_.phase == Phase::kPreparing)
    return state_.request == Request::kStop ? end_unstarted() : on_prepared(false, true);
  if (state_.phase == Phase::kTidying) return on_tidied(true);
  drain_or_step();
}

void StopMachine::on_timer() noexcept {
  const Timer timer = state_.due.first();
  if (state_.due[timer] > now_) return;
  disarm(timer);
  switch (timer) {
    case Timer::kDeadline:
      if (state_.phase == Phase::kPreparing) {
        note(Note::kTimeout);
        return kill_hook();
      }
      if (!is_stopping(state_.phase)) return;
      note(Note::kTimeout);
      return kill_tree();
    case Timer::kDelay:
      if (state_.phase != Phase::kDraining) return;
      state_.delay_pending = false;
      return drain_or_step();
    case Timer::kHookLimit:
      if (state_.phase == Phase::kTidying) return kill_hook();
      if (state_.phase != Phase::kDraining || !state_.hook_running) return;
      cut_hook();
      return drain_or_step();
    case Timer::kWait:
      if (state_.phase == Phase::kAborting) return enter_step(0);
      if (state_.phase == Phase::kStepping || state_.phase == Phase::kSettling) enter_next_step();
      return;
    case Timer::kRescan:
      if (state_.phase != Phase::kStepping) return;
      return state_.target == Target::kOrphans ? rescan_orphans() : deliver();
    case Timer::kSettle:
      if (state_.phase != Phase::kSettling) return;
      state_.phase = Phase::kStepping;
      state_.signal = plan_.clean_up_signal();
      return deliver();
    case Timer::kPass:
      if (state_.phase != Phase::kKilling && state_.phase != Phase::kClearing) return;
      act(state_.phase == Phase::kKilling ? Action{.kind = ActionKind::kKillPass}
                                          : Action::of_hook(ActionKind::kKillLeft, state_.hook));
      state_.pass_interval = sooner(state_.pass_interval * 2, kLongestPassInterval);
      return arm(Timer::kPass, now_ + state_.pass_interval);
    case Timer::kKillGrace:
      if (state_.phase == Phase::kKilling) return leave_survivors();
      if (state_.phase == Phase::kClearing) leave_rest();
      return;
    case Timer::kRestart:
      if (state_.phase == Phase::kBetweenLives) start_again();
      return;
    case Timer::kWatchdog:
      if (state_.phase == Phase::kRunning) miss();
      return;
    case Timer::kPing:   // stand_in() sees that it is due
    case Timer::kClock:  // it was due before the event was handled
      return;
  }
}

Transition step(const Plan& plan, const State& state, const Event& event) noexcept {
  StopMachine answer(plan, state, event);
  answer.make_up_for(stood_still_before(plan, state, event));
  answer.handle(event);
  answer.stand_in();
  answer.look_at_clock_later();
  return answer.result();
}

}  // namespace graceshim
