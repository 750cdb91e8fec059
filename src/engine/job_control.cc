#include "job_control.h"

namespace graceshim {

namespace {

constexpr SignalSet kOfTerminal{sig::kTstp, sig::kTtin, sig::kTtou};

}  // namespace

bool suspends_between_lives(const Plan& plan, const Event& signal) noexcept {
  return plan.terminal != Terminal::kNone && plan.suspendable && signal.from_keyboard && kOfTerminal.has(signal.signal);
}

JobControl on_child_stopped(const Plan& plan, const State& state, int signal, Foreground foreground) noexcept {
  const JobControl nothing{.child_has_terminal = state.child_has_terminal};
  // ^Z, or a background job that wants the terminal. A child that was stopped by hand, by STOP, stays so.
  if (plan.terminal == Terminal::kNone || !kOfTerminal.has(signal) || state.target != Target::kChild) return nothing;
  const bool hands_over = plan.terminal == Terminal::kHandedOver;
  switch (state.phase) {
    case Phase::kStarting:
    case Phase::kSettling:
    case Phase::kKilling:
    case Phase::kBetweenLives:
    case Phase::kPreparing:
    case Phase::kTidying:
    case Phase::kClearing:
    case Phase::kFinished:
      return nothing;
    case Phase::kRunning: {
      // `fg` on a running job sends no CONT, so we may have the terminal without knowing; or TTIN and TTOU came just
      // before the child was given it. In both cases the child gets the terminal and goes on.
      const bool is_ours_to_give = signal != sig::kTstp && foreground != Foreground::kElsewhere && hands_over;
      // The shell takes the terminal as soon as it sees us stopped.
      if (!is_ours_to_give && plan.suspendable) return {.suspend = true};
      break;
    }
    case Phase::kAborting:
    case Phase::kDraining:
    case Phase::kStepping:
      break;  // a stop does not wait for an `fg`
  }
  // No process else would continue the child, and a stopped child leaves the terminal dead.
  return {.child_has_terminal = hands_over || state.child_has_terminal, .resume = true, .give_terminal = hands_over};
}

JobControl on_continued(Foreground foreground) noexcept {
  return {.child_has_terminal = foreground != Foreground::kElsewhere,
          .resume = true,
          .give_terminal = foreground == Foreground::kOurs};
}

bool reaches_child_without_us(const Plan& plan, const State& state, const Event& signal) noexcept {
  // On a hang-up the kernel signals the session leader. Where that is a shell above us, it signals its jobs, and its
  // end the foreground group. If we lead the session, the child gets HUP only from us.
  const bool hung_up_below_a_shell = signal.terminal_gone && plan.suspendable;
  return (plan.shares_group() && (signal.from_keyboard || hung_up_below_a_shell)) ||
         (state.child_has_terminal && hung_up_below_a_shell);
}

}  // namespace graceshim
