#include "supervisor.h"

#include <span>
#include <vector>

namespace graceshim {

Supervisor::Supervisor(const Plan& plan, const Plan& unshielded, World& world, const std::string& command,
                       const Telling& telling, const LateRecognition& knowledge)
    : world_(world),
      given_plan_(plan),
      unshielded_(unshielded),
      plan_(&plan),
      conventions_(telling.conventions),
      effects_(world, command, telling.of_everybody, knowledge),
      recorder_(world.now()),
      narrator_(telling.narrator(world, recorder_, command)) {}

void Supervisor::refuse(const Error& error) {
  answer(failed_start(error));
}

void Supervisor::start() {
  answer(plan_->pause ? Event::started(world_.now()) : begin_life());
}

Event Supervisor::failed_start(const Error& error) {
  narrator_->tell_refusal(error);
  return Event::start_failed(world_.now(), conventions_.status_of(error.status));
}

// Returns the event that says whether the child has been started, or that a life begins whose start.pre comes first.
Event Supervisor::begin_life() {
  plan_ = &given_plan_;
  late_plan_.reset();
  effects_.begin_life();
  recorder_.begin_life();
  narrator_->begin_life();
  return plan_->pre_start ? Event::life_begins(world_.now()) : start_child();
}

Event Supervisor::start_child() {
  const Result<StartedChild> started = world_.start_child(*plan_, unshielded_);
  if (!started) return failed_start(started.error());
  recorder_.note_start(started->pid);
  narrator_->tell_shield(*started, *plan_, unshielded_);
  // It is safe to change plans here: no step has been taken yet.
  if (!started->shield_refused.empty()) plan_ = &unshielded_;
  narrator_->tell_started(*started);
  return Event::started(world_.now(), started->in_foreground);
}

void Supervisor::run() {
  while (!finished()) answer(world_.next(earliest_timer(state_)));
}

void Supervisor::answer(const Event& event) {
  std::span<const Ended> ended;
  if (event.kind == EventKind::kReaped) ended = world_.ended();
  for (const Ended& process : ended) effects_.forget(process.pid);
  recognise_late(event);

  const Transition next = step(*plan_, state_, event);
  state_ = next.state;
  effects_.perform(*plan_, event, next);

  const std::vector<Outcome> outcomes = effects_.take_outcomes();
  recorder_.note(event, ended, next, outcomes);
  narrator_->tell(*plan_, event, ended, next, outcomes);
  for (const Action& action : next.actions) {
    if (action.kind != ActionKind::kStart || world_.has_yet_to_tell(triggers_of(given_plan_))) continue;
    world_.post(state_.prepared == Prepared::kNot ? begin_life() : start_child());
  }
}

// What runs by now may be another command than the one that was started, with a plan of its own.
void Supervisor::recognise_late(const Event& event) {
  const Route route =
      event.kind == EventKind::kSignal ? plan_->routes[static_cast<std::size_t>(event.signal)] : Route::drop();
  const bool is_missed = misses_watchdog(*plan_, state_, event);
  if (!route.asks_for_stop() && event.kind != EventKind::kParentEnded && !is_missed) return;
  if (state_.phase != Phase::kRunning || late_plan_) return;
  std::optional<LatePlan> late = effects_.recognise(*plan_, route.is_trigger() ? event.signal : sig::kTerm);
  if (!late) return;
  late_plan_ = late->plan;
  plan_ = &*late_plan_;
}

}  // namespace graceshim
