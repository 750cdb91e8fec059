// The moves between the phases of a stop.
#include "transition.h"

namespace graceshim {

void StopMachine::begin_stop(Request request, int trigger, int noted_signal, bool from_keyboard) noexcept {
  withdraw_ready();
  state_.request = request;
  state_.trigger = trigger;
  if (request == Request::kStop && noted_signal != 0) state_.triggers_seen.add(trigger);
  state_.by_keyboard = from_keyboard && plan_.shares_group();
  state_.cause = Cause::kGraceful;
  if (trigger == sig::kInt) state_.last_int = now_;
  set_stop_times(plan_.timeout);
  if (request == Request::kStop) tell_stopping();
  state_.phase = Phase::kDraining;
  if (plan_.delay > Millis{0}) {
    state_.delay_pending = true;
    arm(Timer::kDelay, now_ + plan_.delay);
  }
  state_.hook_running = plan_.hook;
  if (plan_.hook) state_.hook = Hook::kPreStop;
  drain_or_step();
  note(request == Request::kStop ? Note::kStopAsked : Note::kRestartAsked, noted_signal);
  if (!plan_.hook) return;
  act(Action::of_hook(ActionKind::kStartHook, Hook::kPreStop));
  arm(Timer::kHookLimit, later(now_, plan_.hook_limit));
}

// The restart that is under way, or the end of a command that was silent, becomes the stop. The platform counts from
// this trigger, so the timeout begins anew; the steps that have been sent stay sent.
void StopMachine::stop_for_good(int trigger, int noted_signal, bool from_keyboard) noexcept {
  state_.request = Request::kStop;
  if (noted_signal != 0) state_.triggers_seen.add(trigger);
  if (trigger == sig::kInt) state_.last_int = now_;
  state_.t0 = now_;
  // A child that has ended unasked has left its tree a deadline of its own.
  if (state_.cause != Cause::kExited && state_.phase != Phase::kKilling) {
    state_.trigger = trigger;
    if (state_.phase == Phase::kDraining || state_.phase == Phase::kAborting)
      state_.by_keyboard = from_keyboard && plan_.shares_group();
    // Connections drain from now on: a load balancer did not know of the restart.
    if (state_.delay_pending) arm(Timer::kDelay, now_ + plan_.delay);
    set_stop_times(plan_.timeout);
    const bool waits = state_.phase == Phase::kStepping || state_.phase == Phase::kSettling;
    const bool may_finish = state_.target == Target::kOrphans && plan_.stragglers == Stragglers::kFinish;
    if (waits && !may_finish) arm_wait();
  }
  tell_stopping();
  note(Note::kStopsForGood, noted_signal);
}

void StopMachine::on_repeated_trigger(int trigger, bool from_keyboard) noexcept {
  // So far only the child had ended, without having been asked to.
  const bool first_request = state_.request == Request::kNone;
  if (state_.request != Request::kStop) tell_stopping();
  state_.request = Request::kStop;
  const bool seen = state_.triggers_seen.has(trigger) || trigger == state_.trigger;
  const bool is_deliberate = seen && trigger == sig::kInt && now_ - state_.last_int >= kRepeatedIntGap;
  state_.triggers_seen.add(trigger);
  if (trigger == sig::kInt && (!seen || is_deliberate)) state_.last_int = now_;
  if (first_request) {
    state_.t0 = now_;  // repeats count from here; the deadline stays
    return note(Note::kStopAsked, trigger);
  }

  bool advanced = false;
  switch (plan_.repeat) {
    case Repeat::kIgnore:
      break;
    case Repeat::kEscalate:
      advanced = advance(true);
      break;
    case Repeat::kForward:
      if (state_.phase == Phase::kStepping && plan_.steps[state_.step].signal == kSameSignal) {
        if (!plan_.shares_group() || !from_keyboard) forward(trigger, forward_scope());
        return;
      }
      [[fallthrough]];
    case Repeat::kAuto:
      if (is_deliberate) {
        advanced = advance(true);
      } else if (!seen && now_ - state_.t0 >= kRepeatWindow) {
        advanced = advance(false);
      }
      break;
  }
  if (advanced) return note(Note::kAdvanced, trigger);
  ++state_.repeats_ignored;
  note(Note::kRepeatIgnored, trigger);
}

void StopMachine::stop_orphans() noexcept {
  withdraw_ready();
  state_.cause = Cause::kExited;
  state_.trigger = sig::kTerm;
  set_stop_times(sooner(plan_.straggler_timeout, plan_.timeout));
  address_orphans(state_.child);
}

// The first step waits for the delay and for the hook.
void StopMachine::drain_or_step() noexcept {
  if (!state_.delay_pending && !state_.hook_running) enter_step(0);
}

void StopMachine::enter_step(std::size_t index) noexcept {
  if (state_.hook_running) cut_hook();
  state_.delay_pending = false;
  if (plan_.steps[index].kills_tree()) return kill_tree();
  state_.phase = Phase::kStepping;
  state_.step = static_cast<std::uint8_t>(index);
  state_.signal = signal_of_step(plan_.steps[index].signal, state_.trigger);
  if (index > 0 && state_.cause == Cause::kGraceful) state_.cause = Cause::kEscalated;
  if (state_.signal == sig::kKill) need_kill();
  disarm(Timer::kRescan);
  state_.rescan_interval = kRescanInterval;
  deliver();
  arm_wait();
}

void StopMachine::enter_next_step() noexcept {
  const std::size_t next = state_.step + std::size_t{1};
  if (next < plan_.steps.size()) enter_step(next);
}

// The child has ended in a stop, or unasked: from here on the current step and the rest of the plan are for the
// orphans.
void StopMachine::address_orphans(ExitStatus child) noexcept {
  const bool step_was_sent = state_.phase == Phase::kStepping;
  if (plan_.stragglers == Stragglers::kFinish) {
    act(ActionKind::kLookAtTree);
    note(Note::kFinishing);
    disarm(Timer::kWait);
    disarm(Timer::kRescan);
    state_.phase = Phase::kSettling;
    return;
  }
  // A child that the signal ended was a wrapper, which has told its own processes nothing. One that exited has handled
  // the signal.
  if (step_was_sent && !child.by_signal) return settle();
  act(ActionKind::kLookAtTree);
  note(Note::kStragglers);
  enter_step(step_was_sent ? state_.step : std::size_t{0});
}

// Where the step's wait ends first, the next step is for what is left then.
void StopMachine::settle() noexcept {
  act(ActionKind::kLookAtTree);
  note(Note::kSettling);
  disarm(Timer::kRescan);
  state_.phase = Phase::kSettling;
  arm(Timer::kSettle, later(now_, plan_.settle));
}

void StopMachine::kill_tree() noexcept {
  if (state_.hook_running) cut_hook();
  state_.delay_pending = false;
  state_.phase = Phase::kKilling;
  need_kill();
  state_.pass_interval = kFirstPassInterval;
  act(ActionKind::kKillPass);
  arm(Timer::kPass, now_ + state_.pass_interval);
  arm(Timer::kKillGrace, now_ + kKillGrace);
}

// That the watchdog ran out is why there is a KILL at all.
void StopMachine::need_kill() noexcept {
  if (state_.cause != Cause::kWatchdog) state_.cause = Cause::kKilled;
}

// Going is the cure, as PID 1 too: the kernel ends the namespace with it.
void StopMachine::leave_survivors() noexcept {
  act(ActionKind::kLookAtTree);
  note(Note::kSurvivors);
  if (state_.target == Target::kChild) return finish_with(Cause::kUnkillable, kExitUsage);
  finish();
}

void StopMachine::wait_for_tree(Note why) noexcept {
  state_.phase = Phase::kRunning;
  act(ActionKind::kLookAtTree);
  note(why);
}

void StopMachine::control(const JobControl& asked) noexcept {
  state_.child_has_terminal = asked.child_has_terminal;
  if (asked.suspend) act(ActionKind::kSuspend);
  if (asked.give_terminal) act(ActionKind::kGiveTerminal);
  if (asked.resume) forward(sig::kCont, plan_.shares_group() ? Scope::kMain : Scope::kGroup);
}

// In a group that is ours too, a signal to the group would come back to us. Once the child has been reaped, the number
// of its group may be another's.
Scope StopMachine::forward_scope() noexcept {
  return plan_.shares_group() || state_.target == Target::kOrphans ? Scope::kMain : plan_.scope;
}

void StopMachine::set_stop_times(Millis timeout) noexcept {
  state_.t0 = now_;
  state_.deadline = later(now_, timeout);
  state_.latest = later(state_.deadline, plan_.extend_max);
  arm(Timer::kDeadline, state_.deadline);
}

// In the midst of KILL it is too late to ask for more time.
void StopMachine::tell_stopping() noexcept {
  if (plan_.tells_manager && state_.phase != Phase::kKilling) act(ActionKind::kTellStopping);
}

// The wait of the current step begins now. Where it ends with the timeout, the deadline speaks for both.
void StopMachine::arm_wait() noexcept {
  const Millis end = later(now_, wait_of(state_.step));
  arm(Timer::kWait, end < state_.deadline ? end : kInfinity);
  if (state_.deadline == kInfinity) state_.latest = later(end, plan_.extend_max);
}

// Cuts the delay or the current wait short. False if there is no step to go on to: the plan has ended, or only KILL is
// left and that is not for this occasion.
bool StopMachine::advance(bool kill_allowed) noexcept {
  if (state_.phase == Phase::kKilling || state_.phase == Phase::kClearing) return false;
  if (state_.phase == Phase::kPreparing || state_.phase == Phase::kTidying) {
    if (kill_allowed) kill_hook();
    return kill_allowed;
  }
  // Where the child ended unasked and its tree may finish, no step has been sent either.
  const bool none_sent = state_.phase == Phase::kAborting || state_.phase == Phase::kDraining ||
                         (state_.phase == Phase::kSettling && state_.cause == Cause::kExited);
  const std::size_t next = none_sent ? 0 : state_.step + std::size_t{1};
  if (next >= plan_.steps.size()) return false;
  if (!kill_allowed && signal_of_step(plan_.steps[next].signal, state_.trigger) == sig::kKill) return false;
  enter_step(next);
  return true;
}

void StopMachine::deliver() noexcept {
  const PlanStep& step = plan_.steps[state_.step];
  Action action{.kind = ActionKind::kDeliver, .target = state_.target};
  // Orphans get it one by one: the number of the child's group may be another's once the child has been reaped. And in
  // a group that is ours too, a signal to the group would come back to us and hit the other members.
  const bool no_group = state_.target == Target::kOrphans || (plan_.shares_group() && step.scope == Scope::kGroup);
  action.scope = no_group ? Scope::kMain : step.scope;
  action.step = state_.step;
  action.signal = state_.signal;
  const bool is_trigger = action.signal == state_.trigger;
  action.by_keyboard = state_.by_keyboard && is_trigger && state_.step == 0 && state_.target == Target::kChild;
  // Where our parent, or the child, has ended in place of the signal, the platform has sent nothing.
  const bool platform_sent_it =
      state_.step == 0 && is_trigger && state_.triggers_seen.has(action.signal) && plan_.broadcast.has(action.signal);
  if (state_.target == Target::kOrphans) {
    state_.last_rescan = now_;
    if (!platform_sent_it) arm(Timer::kRescan, now_ + kRescanInterval);
  }
  if (platform_sent_it) return;
  act(action);
}

void StopMachine::rescan_orphans() noexcept {
  const Millis next = state_.last_rescan + kMinRescanInterval;
  if (now_ >= next) return deliver();
  arm(Timer::kRescan, next);
}

void StopMachine::end_hook() noexcept {
  state_.hook_running = false;
  disarm(Timer::kHookLimit);
}

void StopMachine::cut_hook() noexcept {
  end_hook();
  act(Action::of_hook(ActionKind::kKillHook, state_.hook));
  note(Note::kHookCut);
}

// What is left for a step: its own wait. Where that and the fixed waits behind it no longer fit before the deadline,
// those come first, but half of its share stays: of two signals that come at once, the kernel delivers the one with the
// lower number first, and it may be the harder one.
Millis StopMachine::wait_of(std::size_t index) noexcept {
  const Millis own = plan_.steps[index].wait == kAutoWait ? kInfinity : plan_.steps[index].wait;
  if (state_.deadline == kInfinity) return own;
  const Millis left = state_.deadline > now_ ? state_.deadline - now_ : Millis{0};
  const Millis behind = fixed_waits(plan_.steps, index + 1);
  if (own == kInfinity) return behind < left ? left - behind : left / 2;
  if (own + behind <= left) return own;
  const double share = static_cast<double>(own.count()) / static_cast<double>((own + behind).count());
  const Millis least{static_cast<Millis::rep>(static_cast<double>(left.count()) * share / 2)};
  return least > left - behind ? least : left - behind;
}

}  // namespace graceshim
