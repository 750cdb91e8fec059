// How the stop machine answers one event. stop_machine.cc has a function for each kind of event, transition.cc one for
// each move of a stop that follows, lives.cc what lies between two lives and around each, watchdog.cc and extension.cc
// what a command that is watched may ask for, and clock.cc what happens if graceshim did not run for a while.
#pragma once

#include "graceshim/stop_machine.h"
#include "job_control.h"

namespace graceshim {

constexpr Millis sooner(Millis a, Millis b) noexcept {
  return a < b ? a : b;
}

// A stop is under way, and has not come to its KILL.
constexpr bool is_stopping(Phase phase) noexcept {
  return phase == Phase::kAborting || phase == Phase::kDraining || phase == Phase::kStepping ||
         phase == Phase::kSettling;
}

// No child lives, and none has just been started.
constexpr bool is_between_lives(Phase phase) noexcept {
  return phase == Phase::kBetweenLives || is_around_life(phase);
}

// One event being answered: the next state and the actions grow here.
class StopMachine {
 public:
  StopMachine(const Plan& plan, const State& state, const Event& event) noexcept
      : plan_(plan), now_(event.at), jitter_(event.jitter), result_{state, {}}, state_(result_.state) {}

  void handle(const Event& event) noexcept;
  // To be called first: sets all timers later by `pause`, in which graceshim did not run.
  void make_up_for(Millis pause) noexcept;
  // To be called behind handle(): keeps the service manager's watchdog content where no command does.
  void stand_in() noexcept;
  // To be called last: sets when to look at the clock, if time is measured for anybody.
  void look_at_clock_later() noexcept;
  [[nodiscard]] const Transition& result() const noexcept { return result_; }

 private:
  // --- One function per kind of event. ---
  void on_started(bool in_foreground) noexcept;
  void on_start_failed(int code) noexcept;
  void on_signal(const Event& event) noexcept;
  void on_trigger(int trigger, int noted_signal, bool from_keyboard) noexcept;
  void on_restart_asked(int signal) noexcept;
  void on_parent_ended() noexcept;
  void on_reaped(const Event& event) noexcept;
  void on_child_ended(const Event& event) noexcept;
  void on_unheard() noexcept;
  void on_passed(bool reachable) noexcept;
  void on_hook_failed() noexcept;
  void on_ready() noexcept;
  void on_pinged() noexcept;
  void on_abort_asked() noexcept;
  void on_watchdog_set(Millis interval) noexcept;
  void on_extended(Millis asked) noexcept;
  void on_row_reset() noexcept;
  void on_life_begins() noexcept;
  void on_reaped_in_preparation(const Event& event) noexcept;
  void on_prepared(bool succeeded, bool empty) noexcept;
  void on_tidied(bool empty) noexcept;
  void on_cleared(bool reachable, bool found) noexcept;
  void on_timer() noexcept;

  // --- The moves between phases. ---
  void begin_stop(Request request, int trigger, int noted_signal, bool from_keyboard) noexcept;
  void stop_for_good(int trigger, int noted_signal, bool from_keyboard) noexcept;
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
  void stop_preparing(int trigger, int noted_signal) noexcept;
  void stop_prepared(int trigger, int noted_signal) noexcept;
  void abandon_start() noexcept;
  void end_unstarted() noexcept;
  void end_life() noexcept;
  void close_life(bool tidies) noexcept;
  void tidy() noexcept;
  void prevent_next_life(int trigger, int noted_signal) noexcept;
  void go_on() noexcept;
  void kill_hook() noexcept;
  void clear() noexcept;
  void end_clearing() noexcept;
  void leave_rest() noexcept;
  void end_row() noexcept;
  void wait_for_restart() noexcept;
  void forget_life() noexcept;
  [[nodiscard]] ExitStatus end_of_life() const noexcept;
  void let_go_of_child() noexcept;
  void start_again() noexcept;
  void finish() noexcept;
  void finish_with(Cause cause, int status) noexcept;

  // --- Readiness. ---
  void become_ready() noexcept;
  void withdraw_ready() noexcept;
  [[nodiscard]] Millis healthy_since() const noexcept;

  // --- The watchdog. ---
  void begin_watch() noexcept;
  void feed_watchdog() noexcept { arm(Timer::kWatchdog, later(now_, state_.watchdog)); }
  void miss() noexcept;
  [[nodiscard]] bool missed() const noexcept { return state_.missed_at != kInfinity; }

  // --- Parts of them. ---
  void ask_for_stop(int trigger, int noted_signal) noexcept;
  void start_hook(Hook hook) noexcept;
  [[nodiscard]] Millis time_to_tidy() const noexcept;
  [[nodiscard]] bool restarts_after_end() const noexcept;
  // The command is being stopped, and may be started again afterwards: a trigger makes that a stop.
  [[nodiscard]] bool stops_for_now() const noexcept;
  void need_kill() noexcept;
  void set_stop_times(Millis timeout) noexcept;
  void tell_stopping() noexcept;
  void arm_wait() noexcept;
  bool advance(bool kill_allowed) noexcept;
  void control(const JobControl& asked) noexcept;
  void forward(int signal, Scope scope) noexcept { act(Action::forward(state_.target, signal, scope)); }
  [[nodiscard]] Scope forward_scope() noexcept;
  void act(const Action& action) noexcept { result_.actions.push(action); }
  void act(ActionKind kind) noexcept { act(Action{.kind = kind}); }
  void deliver() noexcept;
  void rescan_orphans() noexcept;
  void arm(Timer timer, Millis at) noexcept { state_.due[timer] = at; }
  void disarm(Timer timer) noexcept { arm(timer, kInfinity); }
  void cut_hook() noexcept;
  void end_hook() noexcept;
  void note(Note what, int signal = 0) noexcept { act(Action::noted(what, signal)); }
  [[nodiscard]] Millis wait_of(std::size_t index) noexcept;

  const Plan& plan_;
  const Millis now_;
  const std::uint8_t jitter_;
  Transition result_;
  State& state_;  // of the result
};

}  // namespace graceshim
