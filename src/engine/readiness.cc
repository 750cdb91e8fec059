// Whether the command is ready, as others are told.
#include "transition.h"

namespace graceshim {

void StopMachine::on_ready() noexcept {
  if (plan_.readiness == Readiness::kTold && state_.phase == Phase::kRunning && !state_.ready()) become_ready();
}

void StopMachine::become_ready() noexcept {
  state_.ready_at = now_;
  begin_watch();
  act(ActionKind::kTellReady);
  note(Note::kReady);
}

// To be called while the phase is still kRunning, and before anything else is done: whoever sends the command its work
// is to stop that first.
void StopMachine::withdraw_ready() noexcept {
  disarm(Timer::kWatchdog);
  if (state_.ready()) act(ActionKind::kTellUnready);
}

// A command that never becomes ready is never healthy, however long it lives.
Millis StopMachine::healthy_since() const noexcept {
  return plan_.readiness == Readiness::kNone ? state_.started_at : state_.ready_at;
}

}  // namespace graceshim
