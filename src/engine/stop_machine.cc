#include "graceshim/stop_machine.h"

#include "job_control.h"

namespace graceshim {
namespace {

constexpr Millis later(Millis at, Millis wait) noexcept {
  return wait == kInfinity ? kInfinity : at + wait;
}

constexpr Millis sooner(Millis a, Millis b) noexcept {
  return a < b ? a : b;
}

// One event being answered: the next state and the actions grow here.
class Transition {
 public:
  Transition(const Plan& plan, const State& state, Millis at) noexcept
      : plan_(plan), now_(at), result_{state, {}}, state_(result_.state) {}

  void handle(const Event& event) noexcept;
  [[nodiscard]] const Step& result() const noexcept { return result_; }

 private:
  // --- One function per kind of event. ---
  void on_started(bool in_foreground) noexcept;
  void on_start_failed(int code) noexcept;
  void on_signal(const Event& event) noexcept;
  void on_parent_ended() noexcept;
  void on_reaped(const Event& event) noexcept;
  void on_child_ended(const Event& event) noexcept;
  void on_unheard() noexcept;
  void on_passed(bool reachable) noexcept;
  void on_hook_failed() noexcept;
  void on_timer() noexcept;

  // --- The moves between phases. ---
  void begin_stop(int trigger, int noted_signal, bool from_keyboard) noexcept;
  void on_repeated_trigger(int trigger, bool from_keyboard) noexcept;
  void stop_orphans() noexcept;
  void drain_or_step() noexcept;
  void enter_step(std::size_t index) noexcept;
  void enter_next_step() noexcept;
  void address_orphans(ExitStatus child) noexcept;
  void settle() noexcept;
  void kill_tree() noexcept;
  void wait_for_tree(Note why) noexcept;
  void leave_survivors() noexcept;
  void finish() noexcept;
  void finish_with(Cause cause, int status) noexcept;

  // --- Parts of them. ---
  void set_stop_times(Millis timeout) noexcept;
  bool advance(bool kill_allowed) noexcept;
  void control(const JobControl& asked) noexcept;
  void forward(int signal, Scope scope) noexcept { act(Action::forward(state_.target, signal, scope)); }
  [[nodiscard]] Scope forward_scope() noexcept;
  void act(const Action& action) noexcept { result_.actions.push(action); }
  void act(ActionKind kind) noexcept { act(Action::of(kind)); }
  void deliver() noexcept;
  void rescan_orphans() noexcept;
  void arm(Timer timer, Millis at) noexcept { state_.due[timer] = at; }
  void disarm(Timer timer) noexcept { arm(timer, kInfinity); }
  void cut_hook() noexcept;
  void note(Note what, int signal = 0) noexcept { act(Action::noted(what, signal)); }
  [[nodiscard]] Millis wait_of(std::size_t index) noexcept;
  [[nodiscard]] bool is_final_kill(std::size_t index) const noexcept;

  const Plan& plan_;
  const Millis now_;
  Step result_;
  State& state_;  // of the result
};

void Transition::handle(const Event& event) noexcept {
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
      return on_passed(event.reachable);
    case EventKind::kHookFailed:
      return on_hook_failed();
    case EventKind::kTimer:
      return on_timer();
  }
}

void Transition::on_started(bool in_foreground) noexcept {
  if (state_.phase != Phase::kStarting) return;
  state_.child_has_terminal = in_foreground;
  state_.phase = Phase::kRunning;
  if (plan_.pause) state_.target = Target::kOrphans;
  state_.started_at = now_;
}

void Transition::on_start_failed(int code) noexcept {
  if (state_.phase == Phase::kStarting) finish_with(Cause::kStartFailed, code);
}

void Transition::on_signal(const Event& event) noexcept {
  const int signal = event.signal;
  if (signal < 1 || signal > kSignalMax) return;
  const Route asked = plan_.routes[static_cast<std::size_t>(signal)];
  const Route route = asked.is_forward_unless_ignored() && event.was_ignored ? Route::drop() : asked;
  if (route.is_trigger()) return begin_stop(signal, signal, event.from_keyboard);
  if (state_.phase == Phase::kStarting || state_.phase == Phase::kKilling) return;
  if (signal == sig::kCont && plan_.terminal == Terminal::kHandedOver && state_.target == Target::kChild) {
    control(on_continued(event.foreground));
    if (route.replacement() == sig::kCont) return;
  }
  const bool platform_sent_it = route.replacement() == signal && plan_.broadcast.has(signal);
  if (!route.is_dropped() && !platform_sent_it && !reaches_child_without_us(plan_, state_, event))
    forward(route.replacement(), forward_scope());
  if (plan_.suspend_on.has(signal)) act(ActionKind::kSuspend);
}

void Transition::on_parent_ended() noexcept {
  if (state_.phase == Phase::kStarting || state_.phase == Phase::kRunning) begin_stop(sig::kTerm, 0, false);
}

void Transition::on_reaped(const Event& event) noexcept {
  if (state_.phase == Phase::kStarting) return;
  const bool hook_ended = event.hook_ended && state_.hook_running;
  if (hook_ended) {
    state_.hook_running = false;
    disarm(Timer::kHookLimit);
  }
  if (event.child_ended && state_.target == Target::kChild) return on_child_ended(event);
  if (hook_ended) drain_or_step();
  if (state_.target == Target::kChild) return;
  if (event.empty) return plan_.pause ? void() : finish();
  // Whoever was just reaped may have left us orphans, which need the current step as well.
  if (state_.phase == Phase::kStepping) rescan_orphans();
}

void Transition::on_child_ended(const Event& event) noexcept {
  state_.child = event.status;
  state_.target = Target::kOrphans;
  if (state_.hook_running) cut_hook();
  if (event.empty) return finish();
  if (state_.phase == Phase::kKilling) return;
  if (plan_.stragglers == Stragglers::kLeave || plan_.stragglers == Stragglers::kDismiss) {
    if (plan_.stragglers == Stragglers::kDismiss && !plan_.shares_group())
      act(Action::dismiss(plan_.clean_up_signal()));
    note(Note::kLeft);
    return finish();
  }
  if (state_.phase != Phase::kRunning) return address_orphans(event.status);

  if (plan_.stragglers == Stragglers::kWait) return wait_for_tree(Note::kWaiting);
  const bool daemonised = event.status == ExitStatus{} && event.own_session && now_ - state_.started_at < kDaemonWindow;
  if (daemonised) return wait_for_tree(Note::kDaemonised);
  stop_orphans();
}

// The child may be about to start the process that the step is for, or a process below it may not have set its handlers
// yet.
void Transition::on_unheard() noexcept {
  if (state_.phase != Phase::kStepping || state_.target != Target::kChild) return;
  arm(Timer::kRescan, now_ + state_.rescan_interval);
  state_.rescan_interval = sooner(state_.rescan_interval * 2, kLongestRescanInterval);
}

void Transition::on_passed(bool reachable) noexcept {
  if (state_.phase != Phase::kKilling) return;
  // What is left may not be signalled: to wait for it would only hang the exit.
  if (!reachable) return leave_survivors();
  const bool is_first = state_.pass_interval == kFirstPassInterval;
  if (is_first) note(Note::kKill);
}

void Transition::on_hook_failed() noexcept {
  if (!state_.hook_running) return;
  state_.hook_running = false;
  disarm(Timer::kHookLimit);
  drain_or_step();
}

void Transition::on_timer() noexcept {
  const Timer timer = state_.due.first();
  if (state_.due[timer] > now_) return;
  disarm(timer);
  switch (timer) {
    case Timer::kDeadline:
      if (state_.phase != Phase::kDraining && state_.phase != Phase::kStepping && state_.phase != Phase::kSettling)
        return;
      note(Note::kTimeout);
      return kill_tree();
    case Timer::kDelay:
      if (state_.phase != Phase::kDraining) return;
      state_.delay_pending = false;
      return drain_or_step();
    case Timer::kHookLimit:
      if (state_.phase != Phase::kDraining || !state_.hook_running) return;
      cut_hook();
      return drain_or_step();
    case Timer::kWait:
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
      if (state_.phase != Phase::kKilling) return;
      act(ActionKind::kKillPass);
      state_.pass_interval = sooner(state_.pass_interval * 2, kLongestPassInterval);
      return arm(Timer::kPass, now_ + state_.pass_interval);
    case Timer::kKillGrace:
      if (state_.phase == Phase::kKilling) leave_survivors();
      return;
  }
}

// `noted_signal` is what the log names: 0 where no signal asked, but the end of our parent.
void Transition::begin_stop(int trigger, int noted_signal, bool from_keyboard) noexcept {
  if (plan_.pause) return finish_with(Cause::kGraceful, kExitSuccess);
  if (state_.phase == Phase::kStarting) return finish_with(Cause::kGraceful, kExitSignalBase + trigger);
  if (state_.phase != Phase::kRunning) return on_repeated_trigger(trigger, from_keyboard);
  state_.trigger = trigger;
  if (noted_signal != 0) state_.triggers_seen.add(trigger);
  state_.by_keyboard = from_keyboard && plan_.shares_group();
  state_.cause = Cause::kGraceful;
  if (trigger == sig::kInt) state_.last_int = now_;
  set_stop_times(plan_.timeout);
  state_.phase = Phase::kDraining;
  if (plan_.delay > Millis{0}) {
    state_.delay_pending = true;
    arm(Timer::kDelay, now_ + plan_.delay);
  }
  state_.hook_running = plan_.hook;
  drain_or_step();
  note(Note::kStopAsked, noted_signal);
  if (!plan_.hook) return;
  act(ActionKind::kStartHook);
  arm(Timer::kHookLimit, later(now_, plan_.hook_limit));
}

void Transition::on_repeated_trigger(int trigger, bool from_keyboard) noexcept {
  // So far only the child had ended, without having been asked to.
  const bool first_request = state_.cause == Cause::kExited && state_.triggers_seen.empty();
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

void Transition::stop_orphans() noexcept {
  state_.cause = Cause::kExited;
  state_.trigger = sig::kTerm;
  set_stop_times(sooner(plan_.straggler_timeout, plan_.timeout));
  address_orphans(state_.child);
}

// The first step waits for the delay and for the hook.
void Transition::drain_or_step() noexcept {
  if (!state_.delay_pending && !state_.hook_running) enter_step(0);
}

void Transition::enter_step(std::size_t index) noexcept {
  if (state_.hook_running) cut_hook();
  state_.delay_pending = false;
  if (is_final_kill(index)) return kill_tree();
  state_.phase = Phase::kStepping;
  state_.step = static_cast<std::uint8_t>(index);
  state_.signal = signal_of_step(plan_.steps[index].signal, state_.trigger);
  if (index > 0 && state_.cause == Cause::kGraceful) state_.cause = Cause::kEscalated;
  if (state_.signal == sig::kKill) state_.cause = Cause::kKilled;
  disarm(Timer::kRescan);
  state_.rescan_interval = kRescanInterval;
  deliver();
  const Millis end = later(now_, wait_of(index));
  // Where the wait ends with the timeout, the deadline speaks for both.
  arm(Timer::kWait, end < state_.deadline ? end : kInfinity);
}

void Transition::enter_next_step() noexcept {
  const std::size_t next = state_.step + std::size_t{1};
  if (next < plan_.steps.size()) enter_step(next);
}

// The child has ended in a stop, or unasked: from here on the current step and the rest of the plan are for the
// orphans.
void Transition::address_orphans(ExitStatus child) noexcept {
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
void Transition::settle() noexcept {
  act(ActionKind::kLookAtTree);
  note(Note::kSettling);
  disarm(Timer::kRescan);
  state_.phase = Phase::kSettling;
  arm(Timer::kSettle, later(now_, plan_.settle));
}

void Transition::kill_tree() noexcept {
  if (state_.hook_running) cut_hook();
  state_.delay_pending = false;
  state_.phase = Phase::kKilling;
  state_.cause = Cause::kKilled;
  state_.pass_interval = kFirstPassInterval;
  act(ActionKind::kKillPass);
  arm(Timer::kPass, now_ + state_.pass_interval);
  arm(Timer::kKillGrace, now_ + kKillGrace);
}

// Going is the cure, as PID 1 too: the kernel ends the namespace with it.
void Transition::leave_survivors() noexcept {
  act(ActionKind::kLookAtTree);
  note(Note::kSurvivors);
  if (state_.target == Target::kChild) return finish_with(Cause::kUnkillable, kExitUsage);
  finish();
}

void Transition::wait_for_tree(Note why) noexcept {
  state_.phase = Phase::kRunning;
  act(ActionKind::kLookAtTree);
  note(why);
}

// The tree is empty, or left to itself: the child's status becomes ours.
void Transition::finish() noexcept {
  if (state_.hook_running) cut_hook();
  const int code = exit_code(state_.child);
  const bool asked = state_.cause == Cause::kGraceful || state_.cause == Cause::kEscalated;
  const bool counts = asked || plan_.success_when == SuccessWhen::kAlways;
  const bool counts_as_success = counts && plan_.success.has(code);
  finish_with(state_.cause == Cause::kNone ? Cause::kExited : state_.cause, counts_as_success ? kExitSuccess : code);
}

void Transition::finish_with(Cause cause, int status) noexcept {
  if (state_.child_has_terminal) act(ActionKind::kTakeTerminal);
  state_.child_has_terminal = false;
  state_.phase = Phase::kFinished;
  state_.due = {};
  state_.cause = cause;
  state_.status = status;
  act(Action::finish(status));
}

void Transition::control(const JobControl& asked) noexcept {
  state_.child_has_terminal = asked.child_has_terminal;
  if (asked.suspend) act(ActionKind::kSuspend);
  if (asked.give_terminal) act(ActionKind::kGiveTerminal);
  if (asked.resume) forward(sig::kCont, plan_.shares_group() ? Scope::kMain : Scope::kGroup);
}

// In a group that is ours too, a signal to the group would come back to us. Once the child has been reaped, the number
// of its group may be another's.
Scope Transition::forward_scope() noexcept {
  return plan_.shares_group() || state_.target == Target::kOrphans ? Scope::kMain : plan_.scope;
}

void Transition::set_stop_times(Millis timeout) noexcept {
  state_.t0 = now_;
  state_.deadline = later(now_, timeout);
  arm(Timer::kDeadline, state_.deadline);
}

// Cuts the delay or the current wait short. False if there is no step to go on to: the plan has ended, or only KILL is
// left and that is not for this occasion.
bool Transition::advance(bool kill_allowed) noexcept {
  if (state_.phase == Phase::kKilling) return false;
  const std::size_t next = state_.phase == Phase::kDraining ? 0 : state_.step + std::size_t{1};
  if (next >= plan_.steps.size()) return false;
  if (!kill_allowed && signal_of_step(plan_.steps[next].signal, state_.trigger) == sig::kKill) return false;
  enter_step(next);
  return true;
}

void Transition::deliver() noexcept {
  const PlanStep& step = plan_.steps[state_.step];
  Action action = Action::of(ActionKind::kDeliver);
  action.target = state_.target;
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

void Transition::rescan_orphans() noexcept {
  const Millis next = state_.last_rescan + kMinRescanInterval;
  if (now_ >= next) return deliver();
  arm(Timer::kRescan, next);
}

void Transition::cut_hook() noexcept {
  state_.hook_running = false;
  disarm(Timer::kHookLimit);
  act(ActionKind::kKillHook);
  note(Note::kHookCut);
}

// What is left for a step: its own wait, but never so much that the fixed waits behind it no longer fit before the
// deadline.
Millis Transition::wait_of(std::size_t index) noexcept {
  const Millis own = plan_.steps[index].wait == kAutoWait ? kInfinity : plan_.steps[index].wait;
  if (state_.deadline == kInfinity) return own;
  const Millis budget = state_.deadline - now_ - fixed_waits(plan_.steps, index + 1);
  return sooner(own, budget > Millis{0} ? budget : Millis{0});
}

bool Transition::is_final_kill(std::size_t index) const noexcept {
  return plan_.steps[index].signal == sig::kKill && plan_.steps[index].scope == Scope::kTree;
}

}  // namespace

Step step(const Plan& plan, const State& state, const Event& event) noexcept {
  Transition answer(plan, state, event.at);
  answer.handle(event);
  return answer.result();
}

}  // namespace graceshim
