// What EXTEND_TIMEOUT_USEC asks for in a stop: time for the current wait, and for the deadline as far as that needs it.
#include "transition.h"

namespace graceshim {

Millis waits_to_come(const Plan& plan, const State& state) noexcept {
  const bool has_step = state.phase == Phase::kStepping || state.phase == Phase::kSettling;
  return fixed_waits(plan.steps, has_step ? state.step + std::size_t{1} : 0);
}

void StopMachine::on_extended(Millis asked) noexcept {
  if (plan_.extend_max == Millis{0} || !is_stopping(state_.phase)) return;
  const bool has_deadline = state_.deadline != kInfinity;
  // They have to fit between the current wait and the deadline.
  const Millis behind = has_deadline ? waits_to_come(plan_, state_) : Millis{0};
  const Millis most = state_.latest == kInfinity ? kInfinity : state_.latest - behind;
  const Millis wanted = later(now_, asked);
  const Millis until = sooner(wanted, most);
  bool is_longer = false;
  if (has_deadline && later(until, behind) > state_.deadline) {
    state_.deadline = later(until, behind);
    arm(Timer::kDeadline, state_.deadline);
    is_longer = true;
  }
  for (const Timer timer : {Timer::kWait, Timer::kSettle}) {
    if (state_.due[timer] == kInfinity || until <= state_.due[timer]) continue;
    arm(timer, until < state_.deadline ? until : kInfinity);
    is_longer = true;
  }
  if (is_longer && plan_.tells_manager && state_.request == Request::kStop) act(ActionKind::kTellExtended);
  if (is_longer) note(Note::kExtended);
  if (wanted <= most || state_.extension_cut) return;
  state_.extension_cut = true;
  note(Note::kExtensionCut);
}

}  // namespace graceshim
